"""Bundles with small networks or none, batches that they score, and scores compared."""
