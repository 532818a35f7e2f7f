"""Associations on pynetdicom, guarded in both roles; the one package that knows its private parts.

A peer may send anything, or stop in the middle of a PDU. See
docs/decisions/0013-guarding-pynetdicom.md.
"""
