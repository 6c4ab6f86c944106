"""Says what Titip promises, in sentences that can fail."""
