"""Synthetic radiographs."""
