"""What the papers did, one module per paper; its docstring is the protocol's passport."""
