"""Station 2: claim a batch, decode, gate, ensemble."""
