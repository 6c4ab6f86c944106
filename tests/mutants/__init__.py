"""Do the tests bite? Changes one thing in a copy of the tree, and expects a test to fail."""
