"""What is added to training so that networks hold at hospitals they never saw."""
