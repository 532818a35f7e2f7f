"""Commands of the worklist and of those who read it."""
