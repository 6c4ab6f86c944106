"""Who may receive a sealed upload; no destination imports another."""
