"""The page: its parts, its drawings and its file."""
