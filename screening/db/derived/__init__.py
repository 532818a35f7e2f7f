"""Tables that follow from others: studies, totals, priorities that are held."""
