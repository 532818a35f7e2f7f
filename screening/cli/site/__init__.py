"""Commands of a site's own calibration and of drift."""
