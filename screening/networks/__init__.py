"""The Keras networks that serve, their weight files; shared with training."""
