"""The report of runs and the model card: pages that need nothing beside them."""
