"""Drift: whether what senders send looks like what the active bundle knows."""
