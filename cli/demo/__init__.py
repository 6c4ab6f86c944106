"""`titip demo`: an outage, played on this machine with the real programs."""
