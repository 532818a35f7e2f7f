"""Station 3: structured reports and their deliveries."""
