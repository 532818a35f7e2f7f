"""Rows and files of the database and the spool, as the stations leave them."""
