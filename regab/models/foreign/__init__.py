"""Models that know nothing of regab: how they are called, where their places are, what of them is trained."""
