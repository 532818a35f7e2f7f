"""What is sent of a result: one file or folder for each way of writing it.

Settings are read with these files, so each imports what is heavy where it is used.
"""
