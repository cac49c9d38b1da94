"""What several of regab's models are made of."""
