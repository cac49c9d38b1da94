"""Using what was trained: a run's model, from its files alone, on examples that it has not seen."""
