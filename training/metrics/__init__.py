"""What a classifier's answers are worth: confusion matrices, figures, curves, calibration."""
