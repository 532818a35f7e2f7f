"""Reads data sets: elements, values, text, and the attributes that the stations need."""
