"""The tables, their columns and the views that others read."""
