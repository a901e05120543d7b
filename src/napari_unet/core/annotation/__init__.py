"""What the user painted, turned into what the loss sees."""
