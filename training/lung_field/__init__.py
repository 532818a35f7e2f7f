"""Trains the network that finds the lungs, from pictures and masks of their lungs."""
