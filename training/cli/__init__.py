"""The commands of `screening train`."""
