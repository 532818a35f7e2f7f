"""Pixel Data, decoded: fragments, codestreams, stored bits, overlays."""
