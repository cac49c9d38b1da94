"""Dividing examples into training, validation and test data, and what is checked then."""
