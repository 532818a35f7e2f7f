"""Studies that a reader selects: by a search, by day, by state; in the order they choose."""
