"""The out-of-distribution check of a bundle: fitted, and measured."""
