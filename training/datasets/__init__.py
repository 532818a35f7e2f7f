"""Public data sets in their own layouts, one module for each, and the scan that reads them."""
