"""What every kind of delivery and every rendering of a result has in common."""
