"""Station 1: C-STORE in, durable copy and row, then Success."""
