"""A registry that can stall, refuse and answer oddly."""
