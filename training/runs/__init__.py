"""A run's options, and what it leaves on disk."""
