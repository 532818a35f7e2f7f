"""Station 4: the ordered list for readers."""
