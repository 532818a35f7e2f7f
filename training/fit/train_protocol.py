"""Trains one protocol: from the manifest to the weights of every fold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

import keras

from screening.bundles.registry import Bundle, load_bundle
from screening.imaging.network_input.lung_field import View
from screening.networks.architectures import Architecture
from screening.whole_files import file_sha256
from training.data.manifest import manifest_digest, read_manifest
from training.errors import TrainingError
from training.fit.devices import replicas_on
from training.fit.loop import CHECKPOINT
from training.fit.train_fold import FoldTraining, train_fold
from training.inputs.crop_pack import LUNG_FIELD, MANIFEST, is_pack, read_record
from training.inputs.fold_images import decode_images
from training.inputs.input_view import keep_lung_field, lung_field_sha256
from training.networks.catalogue import TRAINING_ARCHITECTURES
from training.networks.initial import released_weights
from training.protocols.composition import Composition, compose, plan_fold
from training.protocols.loss_terms import Terms
from training.protocols.plan import FoldPlan
from training.protocols.protocol import Loss, Protocol
from training.runs.folder import WEIGHTS, RunRecord, fold_directory, read_run, write_run
from training.runs.request import RunReport, RunRequest

OTHER_IMAGES = (
    "was trained on another manifest or with another seed: it may have seen images that this run "
    "holds out, and figures on those may be too good"
)


def run_protocol(
    protocol: Protocol,
    request: RunRequest,
    report: RunReport,
    architectures: Mapping[str, Architecture] = TRAINING_ARCHITECTURES,
) -> None:
    """Train the folds asked for, one after the other, into `request.out`.

    Everything that can be wrong with the data, the weights and the folder is looked at first.
    Raises TrainingError (DataError where it is the data), each naming the file and the remedy.
    """
    protocol, request = _augmented(protocol, request)
    _check_request(protocol, request)
    rows = read_manifest(request.data, check_files=request.pack is None)
    drawn = compose(protocol, rows, request.seed)
    for line in drawn.account:
        report.say(line)
    folds = (request.fold,) if request.fold else tuple(range(1, protocol.folds + 1))
    plans = _plans(protocol, request, drawn, folds)
    _check_begun(request, folds)
    bundle = load_bundle(request.bundle) if request.bundle else None
    released = released_weights(protocol, bundle) if bundle else ()
    record = _record(protocol, request, bundle, manifest_digest(rows), folds)
    write_run(request.out, record)
    if request.lung_field:
        keep_lung_field(request.lung_field, request.out)
    if bundle and not _held_out_the_same(bundle, record):
        report.say(f"{request.bundle} {OTHER_IMAGES}")
    training = FoldTraining(
        protocol=protocol,
        request=request,
        report=report,
        architectures=architectures,
        drawn=drawn,
        identity=record.identity,
        released=released,
        images=decode_images(protocol, request, drawn, plans, report),
    )
    with replicas_on(request.devices) as replicas:
        for plan in plans:
            keras.backend.clear_session()
            train_fold(training, plan, replicas)


def _plans(
    protocol: Protocol, request: RunRequest, drawn: Composition, folds: Sequence[int]
) -> list[FoldPlan]:
    left_out, stop_by = request.leave_out, request.stop_by
    return [
        plan_fold(protocol, drawn, fold, request.seed, leave_out=left_out, stop_by=stop_by)
        for fold in folds
    ]


def _augmented(protocol: Protocol, request: RunRequest) -> tuple[Protocol, RunRequest]:
    """Return both with what one says of the other: epochs and terms, and where a pack has what."""
    if request.epochs is not None:
        protocol = replace(protocol, epochs=request.epochs)
    if request.images is not None:
        if protocol.draw is None:
            raise TrainingError(
                f"{protocol.name} shows every image once an epoch; leave out --images"
            )
        protocol = replace(protocol, draw=replace(protocol.draw, images_per_epoch=request.images))
    if request.terms:
        known = {each.name for each in fields(Terms)}
        unknown = sorted(request.terms.keys() - known)
        if unknown:
            raise TrainingError(
                f"expected terms among {', '.join(sorted(known))}, found {', '.join(unknown)}; "
                "correct --term"
            )
        if protocol.loss is not Loss.PARTIAL_LABEL:
            raise TrainingError(
                f"{protocol.name} is trained as its paper says, without terms; leave out --term"
            )
        protocol = replace(protocol, terms=replace(protocol.terms or Terms(), **request.terms))
    if is_pack(request.data):
        pack = request.data
        request = replace(request, pack=pack, data=pack / MANIFEST, lung_field=pack / LUNG_FIELD)
    return protocol, request


def _check_request(protocol: Protocol, request: RunRequest) -> None:
    faults = {
        f"{protocol.name} is fine-tuned from {protocol.fine_tune_from}; train that first and name "
        "its folder with --from": protocol.fine_tune_from
        and not (request.fine_tune_from or request.bundle),
        f"{protocol.name} takes its weights from the run named with --from; leave out "
        "--backbone-weights": protocol.fine_tune_from and request.backbone_weights,
        f"{protocol.name} starts from no other run; leave out --from": request.fine_tune_from
        and not protocol.fine_tune_from,
        f"{protocol.name} takes its weights from the bundle named with --from-bundle; leave out "
        "--from and --backbone-weights": request.bundle
        and (request.fine_tune_from or request.backbone_weights),
        f"{protocol.name} has phases 1 to {protocol.phases}, found phase {request.phase}; ask for "
        "one of them": request.phase is not None and not 1 <= request.phase <= protocol.phases,
        f"{protocol.name} sees the lung field; train `screening train lung-field` and name its "
        "folder with --lung-field": protocol.view is View.LUNG_FIELD and not request.lung_field,
        f"{protocol.name} sees the whole image; leave out --lung-field": request.lung_field
        and protocol.view is not View.LUNG_FIELD,
        f"expected at least 1 epoch, or 0 to take over a bundle's member, found {protocol.epochs}; "
        "correct --epochs": protocol.epochs < (0 if request.bundle else 1),
    }
    for message, found in faults.items():
        if found:
            raise TrainingError(message)


def _check_begun(request: RunRequest, folds: tuple[int, ...]) -> None:
    """Refuse before an hour of earlier folds what `fit` would refuse after it."""
    begun = [n for n in folds if (fold_directory(request.out, n) / CHECKPOINT).exists()]
    if begun and not request.resume:
        raise TrainingError(
            f"{request.out} has a run of fold {', '.join(map(str, begun))} already; go on with "
            "--resume, or name another --out"
        )


def _record(
    protocol: Protocol,
    request: RunRequest,
    bundle: Bundle | None,
    data_digest: str,
    folds: tuple[int, ...],
) -> RunRecord:
    start = {path.name: _file_sha256(path) for path in request.backbone_weights}
    if request.fine_tune_from:
        start = {"run": _checked_start(protocol, request, data_digest, folds)}
    if bundle:
        start = {"bundle": bundle.identity}
    return RunRecord(
        protocol=protocol.name,
        architecture=protocol.architecture,
        classes=protocol.classes,
        outputs=protocol.outputs,
        height=protocol.height,
        width=protocol.width,
        value_range=protocol.value_range,
        view=protocol.view.value,
        contrast=protocol.contrast.value,
        mirrored=protocol.mirrored,
        inner=protocol.inner,
        detail_pixels=protocol.detail_pixels,
        against_normal=protocol.against_normal,
        lung_field=lung_field_sha256(request.lung_field) if request.lung_field else None,
        left_out=tuple(sorted(request.leave_out)),
        stopped_by=tuple(sorted(request.stop_by)),
        terms=asdict(protocol.terms) if protocol.terms else {},
        cache_below=request.cache_below,
        seed=request.seed,
        precision=request.precision.value,
        data_digest=data_digest,
        preprocessing_fingerprint=_fingerprint(request.pack),
        start=start,
    )


def _fingerprint(pack: Path | None) -> str:
    """Return what images were prepared by: this version, or the one that made the pack."""
    if pack:
        return read_record(pack).fingerprint
    from screening.imaging.fingerprint import fingerprint  # noqa: PLC0415  needs DICOM decoders

    return fingerprint()


def _held_out_the_same(bundle: Bundle, record: RunRecord) -> bool:
    """Tell whether a bundle's members were trained on the parts that a run trains on."""
    came = bundle.manifest.provenance
    seeds = {member["seed"] for member in came.get("members", ())}
    return came.get("data_manifest_sha256") == record.data_digest and seeds == {record.seed}


def _checked_start(
    protocol: Protocol, request: RunRequest, data_digest: str, folds: tuple[int, ...]
) -> str:
    """Return the identity of the run to start from, once it is the right one and has the folds."""
    run = request.fine_tune_from or Path()
    found = read_run(run)
    expected = (protocol.fine_tune_from, data_digest, request.seed)
    if (found.protocol, found.data_digest, found.seed) != expected:
        raise TrainingError(
            f"expected a run of {protocol.fine_tune_from} on the same manifest with seed "
            f"{request.seed}, so that its folds are the same; found {run} of {found.protocol} with "
            f"seed {found.seed} on manifest {found.data_digest[:12]} instead of "
            f"{data_digest[:12]}; train it on this manifest"
        )
    for fold in folds:
        weights = fold_directory(run, fold) / WEIGHTS
        if not weights.is_file():
            raise TrainingError(
                f"expected the trained fold {fold} in {weights}, found none; finish that run "
                "first, or choose folds it has with --fold"
            )
    return found.identity


def _file_sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise TrainingError(
            f"expected a weight file at {path}, cannot read it ({error.strerror}); correct "
            "--backbone-weights"
        ) from error
