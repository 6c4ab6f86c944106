"""The specifications, statement by statement, and the tests that hold them."""
