"""Calibrates a bundle for the site: from its own results, with labels where there are any."""
