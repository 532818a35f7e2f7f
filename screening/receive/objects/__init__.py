"""Objects on their way from the association to spool and row."""
