"""How the command `screening` ends; 0 is what everybody expects."""

FAILED = 1
NOT_STARTED = 2
"""A setting, bundle or schema is wrong."""
