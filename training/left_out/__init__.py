"""How well networks do at hospitals that they never saw, one after the other left out."""
