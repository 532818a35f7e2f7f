"""Who hears of which step, of what, and whether they were told."""
