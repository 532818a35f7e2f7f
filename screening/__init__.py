"""Chest radiographs in by DICOM, scores and structured reports out, the worklist in order."""

__version__ = "0.1.0"
