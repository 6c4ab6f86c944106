"""A second place for everything, and the way back."""
