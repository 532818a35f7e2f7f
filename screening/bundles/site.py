"""The bundles a site can use: those that come with this package and its own."""

from screening.bundles.registry import RELEASED_DIRECTORY, Bundle, find_bundles
from screening.errors import BundleError
from screening.settings import Settings


def site_bundles(settings: Settings) -> list[Bundle]:
    """Return every bundle at hand, released ones first. Raises BundleError for a wrong one."""
    return find_bundles([RELEASED_DIRECTORY, settings.resolved_bundle_dir])


def find_bundle(settings: Settings, selector: str) -> Bundle:
    """Return the one bundle that a name, "name version", or the start of a digest picks.

    Raises BundleError where none or several fit.
    """
    fitting = [bundle for bundle in site_bundles(settings) if _fits(bundle, selector)]
    if len(fitting) == 1:
        return fitting[0]
    found = ", ".join(bundle.identity for bundle in fitting) or "none"
    raise BundleError(
        f"expected one bundle for {selector!r} in {settings.resolved_bundle_dir}, found {found}; "
        "`screening bundles list` lists all"
    )


def _fits(bundle: Bundle, selector: str) -> bool:
    manifest = bundle.manifest
    names = {
        manifest.name,
        f"{manifest.name} {manifest.version}",
        f"{manifest.name}@{manifest.version}",
    }
    return selector in names or (bool(selector) and bundle.digest.startswith(selector.lower()))
