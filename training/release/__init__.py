"""Makes a bundle of trained runs."""
