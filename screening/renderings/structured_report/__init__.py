"""DICOM Structured Reports of one image."""
