"""Makes a bundle of trained runs: calibrated, combined, checked and described.

The same runs give the same bundle: nothing in it depends on when or where it was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from screening.bundles.manifest import MANIFEST_NAME, Manifest, manifest_bytes
from screening.bundles.parts import OutlierCheckSection
from screening.bundles.reference import write_reference
from screening.bundles.registry import Bundle, load_bundle
from screening.domain.scores import SCORE_TOLERANCE
from screening.ensemble.ensemble import Ensemble
from screening.ensemble.golden_images import golden_images, write_golden
from screening.imaging.fingerprint import fingerprint
from screening.networks.architectures import ARCHITECTURES
from screening.networks.weights import Precision
from screening.whole_files import whole_folder
from training.data.manifest import ImageRow, manifest_digest
from training.data.splits import Part
from training.errors import TrainingError
from training.evaluation.of_runs import Predictor
from training.evaluation.triage_thresholds import TARGETS, choose_triage_rules
from training.inference.combination import (
    Combination,
    choose_combination,
    combined_scores,
    common_images,
    ensemble_scores,
    speaks_of_the_three_classes,
)
from training.inference.score_files import FileScorer, check_preprocessing
from training.lung_field.stored import store_lung_field
from training.outliers.fit import make_outlier_check
from training.outliers.reference import images_by_source, measure_reference
from training.release.manifest_metrics import release_metrics
from training.release.member_weights import MemberPlace, StoredMember, store_member
from training.release.parity import Parity, check_parity, parity, parity_images
from training.release.size import MOST_BYTES, check_size
from training.release.training_levels import measure_training_levels, rows_trained_on
from training.report.model_card import LIMITS_OF_USE, MODEL_CARD_NAME, model_card
from training.runs.held_out_scores import Predictions, TrainedFold, by_image, trained_folds
from training.runs.provenance import code_revision, library_versions, member_provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """One call of the command."""

    runs: Sequence[Path]
    """The members'."""
    name: str
    version: str
    rows: Sequence[ImageRow]
    """The data manifest's."""
    out: Path
    """The bundle's own folder."""
    precision: Precision | None = None
    """Of the stored kernels; None: each member's smallest that keeps parity."""
    most_bytes: int = MOST_BYTES
    """Of all files together."""
    outlier_check: bool = True
    """Whether one is fitted."""


@dataclass(frozen=True, slots=True)
class _Validated:
    """What validation data decided."""

    members: tuple[TrainedFold, ...]
    predictions: tuple[Predictions, ...]
    combination: Combination
    rows: Mapping[str, ImageRow]


def export_bundle(request: ExportRequest, predictor: Predictor, scorer: FileScorer) -> Bundle:
    """Write the bundle beside its place, rename it, and return it as the stations will read it.

    Raises TrainingError where the runs cannot be an ensemble, the manifest is not theirs, stored
    weights score otherwise, or `request.out` exists; then nothing is left behind.
    """
    if request.out.exists():
        raise TrainingError(f"{request.out} exists already; remove it, or name another --out")
    members = tuple(_only_fold(run) for run in request.runs)
    for fold in members:
        _check_member(fold, request.rows, scorer)
    predictions = common_images([predictor(fold, Part.VALIDATION) for fold in members])
    validated = _Validated(
        members, predictions, choose_combination(predictions), by_image(request.rows)
    )
    try:
        with whole_folder(request.out) as unfinished:
            _write_bundle(unfinished, request, validated, predictor, scorer)
    except OSError as error:
        raise TrainingError(
            f"cannot write {request.out}: {error.strerror}; make room, or name another --out"
        ) from error
    return load_bundle(request.out)


def _only_fold(run: Path) -> TrainedFold:
    folds = trained_folds(run)
    if len(folds) > 1:
        raise TrainingError(
            f"expected one trained network per member, found folds "
            f"{', '.join(str(fold.fold) for fold in folds)} in {run}; name one as {run}/fold-K"
        )
    return folds[0]


def _check_member(fold: TrainedFold, rows: Sequence[ImageRow], scorer: FileScorer) -> None:
    check_preprocessing(fold)
    digest = manifest_digest(rows)
    if fold.record.data_digest != digest:
        raise TrainingError(
            f"expected the manifest that {fold.run} was trained on "
            f"({fold.record.data_digest[:12]}), found {digest[:12]}; name it with --data"
        )
    if not speaks_of_the_three_classes(fold.record.classes):
        raise TrainingError(
            f"{fold.name}: classes {', '.join(fold.record.classes)} do not add up to the "
            "ensemble's; leave the run out"
        )
    _serving_name(fold, scorer)


def _serving_name(fold: TrainedFold, scorer: FileScorer) -> str:
    """Return the name under which the stations build the network."""
    build = scorer.architectures[fold.record.architecture].build
    for name in (fold.record.architecture, *ARCHITECTURES):
        if name in ARCHITECTURES and scorer.architectures[name].build is build:
            return name
    raise TrainingError(
        f"{fold.name}: expected one of the networks that the stations know "
        f"({', '.join(ARCHITECTURES)}), found {fold.record.architecture}; leave the run out"
    )


def _write_bundle(
    directory: Path,
    request: ExportRequest,
    validated: _Validated,
    predictor: Predictor,
    scorer: FileScorer,
) -> None:
    compared = parity_images(validated.members[0], validated.predictions[0], validated.rows)
    stored = [
        store_member(directory, fold, place, compared, scorer, precision=request.precision)
        for fold, place in zip(validated.members, _places(validated, scorer), strict=True)
    ]
    parities = _parities(stored, validated.combination)
    check_parity(parities)
    ensemble = combined_scores(validated.predictions, validated.combination)
    check, fitted = _outlier_check(directory, request, validated, stored, scorer)
    manifest = Manifest(
        schema_version=1,
        name=request.name,
        version=request.version,
        trained=True,
        members=tuple(each.member for each in stored),
        triage_rules=choose_triage_rules(ensemble),
        preprocessing_fingerprint=fingerprint(),
        golden=write_golden(
            directory,
            golden_images(),
            {each.member.name: each.golden for each in stored},
            SCORE_TOLERANCE,
        ),
        lung_field=store_lung_field(directory, validated.members),
        outlier_check=check,
        provenance=_provenance(
            request, validated, stored, {name: each for name, each, _ in parities}, predictor
        )
        | {"outlier_check": fitted},
        limits_of_use=LIMITS_OF_USE,
    )
    (directory / MANIFEST_NAME).write_bytes(manifest_bytes(manifest))
    (directory / MODEL_CARD_NAME).write_text(model_card(manifest), encoding="utf-8")
    _write_reference(load_bundle(directory), validated, scorer)
    check_size(directory, request.most_bytes)


def _places(validated: _Validated, scorer: FileScorer) -> list[MemberPlace]:
    architectures = [_serving_name(each, scorer) for each in validated.members]
    places = []
    for place, architecture in enumerate(architectures):
        earlier = architectures[:place].count(architecture)
        places.append(
            MemberPlace(
                name=f"{architecture}-{earlier + 1}" if earlier else architecture,
                architecture=architecture,
                weight=validated.combination.weights[place],
                temperature=validated.combination.temperatures[place],
            )
        )
    return places


def _outlier_check(
    directory: Path,
    request: ExportRequest,
    validated: _Validated,
    stored: Sequence[StoredMember],
    scorer: FileScorer,
) -> tuple[OutlierCheckSection | None, dict[str, Any] | None]:
    """Fit the check on the member with the smallest images, which costs least."""
    if not request.outlier_check:
        return None, None
    sizes = [each.member.input.height * each.member.input.width for each in stored]
    place = sizes.index(min(sizes))
    fold = validated.members[place]
    return make_outlier_check(directory, stored[place].member, fold, validated.rows, scorer)


def _write_reference(bundle: Bundle, validated: _Validated, scorer: FileScorer) -> None:
    """Keep what known images look like, where there are enough of them."""
    examples = validated.predictions[0].examples
    known = [validated.rows[each.pixels_sha256] for each in examples]
    if not images_by_source(known):
        return
    ensemble = Ensemble.load(bundle, scorer.architectures)
    sources = measure_reference(ensemble, known)
    if sources:
        trained_on = rows_trained_on(validated.members, validated.rows)
        write_reference(bundle, sources, measure_training_levels(ensemble, trained_on))


def _parities(
    stored: Sequence[StoredMember], combination: Combination
) -> list[tuple[str, Parity, float]]:
    """Return name, parity and weight of each member, then of the ensemble."""
    before = ensemble_scores([(each.member.classes, each.trained) for each in stored], combination)
    after = ensemble_scores([(each.member.classes, each.stored) for each in stored], combination)
    members = [
        (each.member.name, each.parity, each.member.weight / sum(combination.weights))
        for each in stored
    ]
    return [*members, ("ensemble", parity(before, after), 1.0)]


def _provenance(
    request: ExportRequest,
    validated: _Validated,
    stored: Sequence[StoredMember],
    parities: Mapping[str, Parity],
    predictor: Predictor,
) -> dict[str, Any]:
    members = validated.members
    return {
        "data_manifest_sha256": manifest_digest(request.rows),
        "code_revision": code_revision(),
        "libraries": library_versions(),
        "members": [member_provenance(fold, validated.rows) for fold in members],
        "chosen_on": {
            "part": Part.VALIDATION.value,
            "images": len(validated.predictions[0].examples),
            "temperatures": "least negative log-likelihood in the ensemble's three classes",
            "weights": "least negative log-likelihood of the weighted mean, at least 0.05 each",
            "triage": [str(target) for target in TARGETS],
        },
        "stored_weights": {
            "precision": {each.member.name: each.precision for each in stored},
            "parity": {name: asdict(each) for name, each in parities.items()},
        },
        "metrics": release_metrics(members, validated.combination, predictor),
    }
