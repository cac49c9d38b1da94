"""What inputs are made of, where they lie, and how they are scaled."""
