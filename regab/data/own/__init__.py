"""What a loader of the user's own may return, and how it becomes a Source."""
