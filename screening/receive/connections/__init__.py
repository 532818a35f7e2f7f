"""Connections before they are associations: who may connect, how many, and what is understood."""
