"""Trains a network: the loop, its losses, and the folds of a protocol."""
