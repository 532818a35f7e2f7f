"""A map drawn over a radiograph colours what it marks, and nothing else."""

import numpy as np

from screening.imaging.pixels.overlay import overlay


def test_nothing_marked_leaves_the_picture_grey() -> None:
    """Where the map is 0 the radiograph is as it was."""
    picture = np.arange(200, dtype=np.uint8).reshape(10, 20)
    found = overlay(picture, np.zeros((5, 5), np.float32))
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.repeat(picture[..., np.newaxis], 3, axis=2))


def test_what_is_marked_is_coloured_in_its_place() -> None:
    """The map is stretched to the picture, and the strongest place is yellow."""
    found = overlay(np.full((60, 90), 100, np.uint8), np.float32([[0, 0], [0, 1]]))
    red, green, blue = (int(value) for value in found[-1, -1])
    assert found.shape == (60, 90, 3)
    assert red > green > blue
    assert set(found[0, 0]) == {100}


def test_white_stays_within_range() -> None:
    """No value wraps around."""
    found = overlay(np.full((8, 8), 255, np.uint8), np.ones((8, 8), np.float32))
    assert (found == np.uint8([254, 241, 124])).all()
