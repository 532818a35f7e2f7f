"""From a rendered radiograph to a network's input, and what is measured of it."""
