"""Queues whose entries are rows of the database: what is due, and who works on it until when."""
