"""The JSON API: what a reader asks and an operator does, and whether the gateway is up."""
