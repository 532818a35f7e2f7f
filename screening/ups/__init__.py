"""Unified Procedure Steps: the list as a worklist of DICOM, for readers' own systems.

A service of the SCP that reads what the worklist reads and does what its readers do.
Source: PS3.4 annex CC.
"""
