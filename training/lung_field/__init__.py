"""Trains the network that finds the lungs, from images and masks of their lungs."""
