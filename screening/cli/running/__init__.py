"""Commands that run stations, and send to them."""
