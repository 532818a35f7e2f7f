"""One run in one word of a command line: a protocol and its options."""

from dataclasses import dataclass, field

from training.errors import TrainingError
from training.runs.request import parse_terms

_TERM = "term."


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedRun:
    """One training run."""

    name: str
    """Of its folder."""
    protocol: str
    leave_out: tuple[str, ...] = ()
    """Hospitals that are tested on alone."""
    stop_by: tuple[str, ...] = ()
    """Hospitals that say when to stop."""
    epochs: int | None = None
    """Of each phase, instead of the protocol's number."""
    images: int | None = None
    """Drawn for an epoch, instead of the protocol's number."""
    seed: int = 0
    start: str | None = None
    """An earlier run whose weights its backbone takes."""
    terms: dict[str, float] = field(default_factory=dict)
    """Weights of loss terms, by their names."""
    keep: bool = False
    """Whether its weights are brought back; otherwise only its scores are."""


def parse_run(word: str) -> RequestedRun:
    """Return the run of a word such as `unseen-coronet:leave-out=valencia+pakistan:epochs=8`.

    Parts: leave-out, stop-by (names joined by +), epochs, images, seed, start, name, term.NAME, and
    keep, which runs that leave nothing out are without being told. Raises TrainingError for others.
    """
    protocol, *parts = word.split(":")
    values: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        values[key] = value
    known = {"leave-out", "stop-by", "epochs", "images", "seed", "start", "name", "keep"}
    unknown = [key for key in values if key not in known and not key.startswith(_TERM)]
    if unknown:
        raise TrainingError(
            f"run {word!r}: expected parts among {', '.join(sorted(known))} and term.NAME, found "
            f"{unknown[0]!r}; correct --run"
        )
    try:
        left_out = _names(values.get("leave-out", ""))
        return RequestedRun(
            name=values.get("name") or "-without-".join([protocol, *left_out[:1]]),
            protocol=protocol,
            leave_out=left_out,
            stop_by=_names(values.get("stop-by", "")),
            epochs=int(values["epochs"]) if "epochs" in values else None,
            images=int(values["images"]) if "images" in values else None,
            seed=int(values.get("seed", "0")),
            start=values.get("start"),
            terms=parse_terms(
                [
                    f"{key.removeprefix(_TERM)}={value}"
                    for key, value in values.items()
                    if key.startswith(_TERM)
                ]
            ),
            keep="keep" in values or not left_out,
        )
    except ValueError as error:
        raise TrainingError(f"run {word!r}: {error}; correct --run") from None


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("+")))
