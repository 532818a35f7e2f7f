"""Commands of reports: where they go, and what became of them."""
