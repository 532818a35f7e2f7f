"""The networks that training builds or loads; the two that serve are in screening.networks."""
