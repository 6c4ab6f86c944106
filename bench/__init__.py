"""What is measured of Titip, beside its peers, and how: see docs/performance.md."""
