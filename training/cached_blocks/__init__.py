"""Lower blocks whose answers are computed once, so that two cores train the upper ones in hours."""
