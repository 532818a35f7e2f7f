"""What the page measures."""
