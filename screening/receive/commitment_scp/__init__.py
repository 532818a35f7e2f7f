"""Storage Commitment as SCP: peers request our commitment to the objects that they sent."""
