"""What is measured, one file per contest."""
