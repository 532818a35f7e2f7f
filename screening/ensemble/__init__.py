"""The ensemble: what screens, and what is measured and published, is this code."""
