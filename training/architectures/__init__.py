"""The papers' networks that training builds; the two that serve are in screening.networks."""
