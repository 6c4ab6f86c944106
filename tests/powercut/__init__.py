"""Power cuts: all that was acknowledged is there after any of them."""
