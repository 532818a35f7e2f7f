"""`screening site drift`: whether this site's images are like those that the bundle knows."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from screening.domain.drift import Finding
    from screening.drift.of_senders import SenderDrift


def drift(
    calling_aet: Annotated[
        str | None,
        typer.Option(metavar="AET", help="Only images of this calling AE title."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare each sender's images with those of the bundle.

    It looks at the newest 100 images of each calling AE title that the active bundle answered, and
    says whether they are like the images that it knows, shifted, or unlike them.

    Example: screening site drift --calling-aet CR2
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.drift.of_senders import read_drift

    with opened_database() as (settings, database):
        found = read_drift(database, settings, calling_aet)
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        print_drift(found)


def print_drift(found: "tuple[SenderDrift, ...]") -> None:
    """Print a row for each sender, and what it means."""
    from screening.cli.printing import print_table

    if not found:
        print("nothing to compare: no image has been received, or no bundle is active")
        return
    print_table(
        f"newest images beside those that {found[0].bundle} knows",
        (
            "calling AE title",
            "images",
            "they are",
            *(one.aspect.value for one in found[0].gauge.findings),
        ),
        (
            (
                one.calling_ae_title,
                one.gauge.images,
                one.gauge.likeness.value,
                *map(_in_words, one.gauge.findings),
            )
            for one in found
        ),
    )
    for one in found:
        print(one.sentence)
    for problem in sorted({one.problem for one in found if one.problem}):
        print(problem)


def _in_words(found: "Finding") -> str:
    if found.measured is None:
        return found.likeness.value
    told = f"{found.measured.value:.2f} ({found.measured.low:.2f}-{found.measured.high:.2f})"
    nearest = f", nearest {found.nearest}" if found.nearest else ""
    return f"{told} {found.likeness.value}{nearest}"
