"""An audit hook by which processes that are no forks of `tests.sites.prefork` know thin networks.

Importing this module loads nothing.
"""


def know_thin_networks(event: str, arguments: tuple[object, ...]) -> None:
    """Add them where the ensemble's code is loaded, which loads TensorFlow."""
    if event == "import" and arguments[0] == "screening.ensemble.ensemble":
        from tests.bundles.thin_networks import add_thin_networks

        add_thin_networks()
