"""Tables and sessions of the one database."""
