"""Who may look at the page, from where, and how they log in."""
