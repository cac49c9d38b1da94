"""Tables of any origin: their rows, what their columns are, and how cells become numbers."""
