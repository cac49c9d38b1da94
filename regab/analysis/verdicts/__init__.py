"""From paired differences to words: estimates, intervals and what may be said of them together."""
