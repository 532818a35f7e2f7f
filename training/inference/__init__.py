"""Scores images with trained networks, alone and combined."""
