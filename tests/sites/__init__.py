"""The program as people meet it: a whole site of processes, one command, the pages."""
