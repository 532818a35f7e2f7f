"""What another reading order would change: queues replayed, waits compared."""
