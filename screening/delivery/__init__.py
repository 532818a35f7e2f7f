"""What every kind of delivery and every rendering has in common.

A rendering writes one result down; a kind of delivery sends it. Each is one file, in
`screening/renderings` and `screening/delivery_kinds`, and registers itself there.
"""
