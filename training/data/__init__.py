"""The data manifest, one row per image, and who is trained on and who is held out."""
