"""What a classifier's scores are worth: confusion matrices, curves, calibration, intervals."""
