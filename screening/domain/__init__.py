"""Rules and values of the domain; imports the standard library only."""
