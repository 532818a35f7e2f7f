"""What associations run on, in both roles: addresses, TLS, bytes of PDU items and command sets."""
