"""Long random stories, checked against a model."""
