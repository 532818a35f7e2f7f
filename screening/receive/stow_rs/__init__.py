"""STOW-RS in: the second way of sending to us, under the promises of the first."""
