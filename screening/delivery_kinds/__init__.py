"""How reports are sent: one file for each kind of delivery.

Settings are read with these files, so each imports what is heavy where it is used.
"""
