"""Storage Commitment as SCP: peers ask us to commit ourselves to what they sent."""
