"""Evaluates runs and bundles on held-out images."""
