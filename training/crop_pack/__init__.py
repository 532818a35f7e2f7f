"""Crops of the lung fields of a whole manifest, small enough to travel to another machine."""
