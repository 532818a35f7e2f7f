"""Storage Commitment as SCU: we ask destinations to commit themselves to our reports."""
