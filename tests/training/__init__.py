"""Small data sets, trained networks and predictions for tests of the training package."""
