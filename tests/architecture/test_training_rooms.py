"""The rooms of training are those that the architecture page draws, in the same order."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACT = "importlinter:contract:training-layers"
HEADING = "### The rooms of training"
MOST_MODULES = 16


def test_the_drawing_has_the_layers_of_the_import_contract() -> None:
    """From top to bottom, as `lint-imports` holds them."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawing = page.split(HEADING, 1)[1].split("```")[1]
    drawn = [line.split()[0] for line in drawing.strip().splitlines()]
    parsed = configparser.ConfigParser()
    parsed.read(ROOT / ".importlinter", encoding="utf-8")
    assert drawn == parsed[CONTRACT]["layers"].split()


def test_a_room_stays_small() -> None:
    """A dozen modules or little more, so that a reader finds the one that is meant."""
    rooms = [path for path in (ROOT / "training").iterdir() if (path / "__init__.py").exists()]
    large = {room.name for room in rooms if len(list(room.glob("*.py"))) > MOST_MODULES}
    assert large == set()
