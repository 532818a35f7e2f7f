"""Reports, and their deliveries: one, many, and through a destination's bad day."""
