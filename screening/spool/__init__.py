"""Durable files named by digest."""
