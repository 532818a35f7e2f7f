"""Storage Commitment as SCU: we request commitment to our reports from their destinations."""
