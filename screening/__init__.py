"""Receives chest radiographs by DICOM, scores and reports them, and orders the worklist."""

__version__ = "0.1.0"
