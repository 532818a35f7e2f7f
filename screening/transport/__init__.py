"""What associations run on, in both roles: addresses, TLS and sockets."""
