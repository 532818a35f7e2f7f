"""The model card of a bundle, from its manifest alone."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from screening.bundles.manifest import Manifest
from screening.domain.scores import CLASS_TITLES
from screening.networks.architectures import ARCHITECTURES

MODEL_CARD_NAME = "model-card.md"
LIMITS_OF_USE: tuple[str, ...] = (
    "Research use only: no medical device, not clinically validated, no claim of diagnosis.",
    "Orders a reading worklist; every image is read by a qualified person, whatever its score.",
    "For frontal chest radiographs (CR, DX) of adults; not for lateral views, CT or photographs.",
    "Class and hospital go together in the training data: scores partly measure the source.",
    "Probabilities hold for the classes' mix in the validation data, not for a hospital's.",
)


def model_card(manifest: Manifest) -> str:
    """Return the model card as Markdown; the manifest must be one that `export` wrote."""
    page = Environment(
        loader=PackageLoader("training"),
        autoescape=False,  # noqa: S701  Markdown, of our own words and numbers
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page.filters["percent"] = _percent
    return page.get_template("model_card.md").render(
        manifest=manifest,
        provenance=manifest.provenance,
        titles=CLASS_TITLES,
        architectures=ARCHITECTURES,
    )


def _percent(estimate: dict[str, Any]) -> str:
    """Return "91.2 % (89.0-93.1)", "undefined" for no value."""
    if estimate["value"] is None:
        return "undefined"
    shown = f"{100 * estimate['value']:.1f} %"
    if estimate["low"] is None:
        return shown
    return f"{shown} ({100 * estimate['low']:.1f}-{100 * estimate['high']:.1f})"
