"""The networks of a bundle, as the stations load them, to be asked by training's tools."""

from dataclasses import dataclass

import keras

from screening.bundles.manifest import Member
from screening.bundles.registry import Bundle, verify_files
from screening.imaging.fingerprint import fingerprint
from screening.imaging.lung_field import View
from screening.networks.lung_field import LungFieldFinder, build_lung_field
from screening.networks.weights import load_weights
from training.errors import TrainingError
from training.inference.score_files import Answering
from training.inputs.input_view import SeenAs, SeenPart


@dataclass(frozen=True, slots=True)
class BundleMember:
    """One network with its stored weights, and what it takes of a picture."""

    member: Member
    model: keras.Model
    seen_as: SeenAs


def load_members(bundle: Bundle, answering: Answering) -> tuple[BundleMember, ...]:
    """Load a bundle's networks, in the manifest's order.

    Raises BundleError where a file differs or weights do not fit, TrainingError where this version
    prepares pictures otherwise, or does not know a network.
    """
    verify_files(bundle)
    expected, found = bundle.manifest.preprocessing_fingerprint, fingerprint()
    if expected != found:
        raise TrainingError(
            f"bundle {bundle.identity}: expected preprocessing {expected}, found {found} in this "
            "version; use the version it was made with, or export it again"
        )
    finder = bundle_lung_field(bundle)
    return tuple(_loaded(bundle, member, finder, answering) for member in bundle.manifest.members)


def bundle_lung_field(bundle: Bundle) -> LungFieldFinder | None:
    """Return what finds the lungs for a bundle's members, None where they see whole pictures."""
    section = bundle.manifest.lung_field
    if section is None:
        return None
    model = build_lung_field(section.height, section.width)
    load_weights(model, [bundle.directory / file.file for file in section.weights])
    return LungFieldFinder(model, section.spec)


def _loaded(
    bundle: Bundle, member: Member, finder: LungFieldFinder | None, answering: Answering
) -> BundleMember:
    if member.architecture not in answering.architectures:
        raise TrainingError(
            f"member {member.name}: expected one of the architectures "
            f"{', '.join(answering.architectures)}, found {member.architecture}; use a version "
            "that knows it"
        )
    shape = (member.input.height, member.input.width, 3)
    model = answering.architectures[member.architecture].build(shape, len(member.classes))
    load_weights(model, [bundle.directory / file.file for file in member.weights])
    part = None
    if member.input.view is not View.WHOLE and finder is not None:
        part = SeenPart(f"{member.input.view} of bundle {bundle.digest}", finder)
    return BundleMember(
        member, model, SeenAs(member.input.spec, part, member.mirrored, member.inner)
    )
