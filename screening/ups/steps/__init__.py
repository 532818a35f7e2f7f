"""Which procedure steps there are, how they stand, and their attributes."""
