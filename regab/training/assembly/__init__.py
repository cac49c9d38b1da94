"""From configurations of one structure to a stack that is ready to be trained."""
