"""An audit hook by which processes that are no forks of `tests.sites.prefork` know thin networks.

Importing this module loads nothing.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
THIN_NETWORKS_KNOWN = f"{ROOT / 'tests' / 'sites' / 'thin_networks_known'}:{ROOT}"
"""A PYTHONPATH by which each process adds the hook below."""


def know_thin_networks(event: str, arguments: tuple[object, ...]) -> None:
    """Add them where the ensemble's code is loaded, which loads TensorFlow."""
    if event == "import" and arguments[0] == "screening.ensemble.ensemble":
        from tests.bundles.thin_networks import add_thin_networks

        add_thin_networks()
