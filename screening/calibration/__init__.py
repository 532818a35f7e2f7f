"""A site's own calibration as a document, and what it is fitted to: labels and scores."""
