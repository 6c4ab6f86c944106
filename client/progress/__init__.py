"""What a person sees of a push."""
