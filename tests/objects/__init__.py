"""DICOM objects: one of each transfer syntax, and marks in every element of others."""
