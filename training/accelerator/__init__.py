"""Training on a machine with a GPU that has little else: several runs, scores, small weights."""
