"""Peers of Unified Procedure Steps."""
