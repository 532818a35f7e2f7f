"""Makes the models by the papers' protocols."""
