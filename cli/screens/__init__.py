"""What is printed: tables and the status screen."""
