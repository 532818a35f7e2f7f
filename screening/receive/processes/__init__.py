"""Several processes on one port: one accepts connections, the others serve associations."""
