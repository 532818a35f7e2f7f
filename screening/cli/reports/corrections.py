"""`screening corrections`: the same image was sent again with other demographics."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from screening.domain.correction import in_words
from screening.domain.lifecycle import CorrectionState
from screening.errors import DecisionRefusedError

if TYPE_CHECKING:
    from screening.db.corrections import CorrectionDetail

app = typer.Typer(
    no_args_is_help=True,
    help="Corrected images: list, show, accept, reject.",
)
Number = Annotated[int, typer.Argument(help="The correction's number, as `list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command(name="list")
def list_corrections(
    every: Annotated[bool, typer.Option("--all", help="Include decided ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the corrections that wait for a decision.

    A correction is an image that was sent again with other demographics. The list shows no
    patient attributes.

    Example: screening corrections list
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.db.corrections import read_corrections
    from screening.domain.shown_values import shown_uid

    states = tuple(CorrectionState) if every else (CorrectionState.WAITING,)
    with opened_database() as (_, database):
        found = read_corrections(database, states=states)
    if as_json:
        print_json([_line(one) for one in found])
        return
    print_table(
        "corrections",
        ("number", "state", "received", "from", "differs in", "decided by", "SOP Instance UID"),
        (
            (
                one.id,
                one.state,
                f"{one.received_at:%Y-%m-%d %H:%M}",
                one.calling_ae_title,
                in_words(_keywords(one)),
                one.decided_by,
                shown_uid(one.sop_instance_uid),
            )
            for one in found
        ),
    )


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """Show both versions, with patient attributes.

    Example: screening corrections show 7
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json
    from screening.db.corrections import read_correction

    with opened_database() as (_, database):
        found = _found(read_correction(database, number), number)
    if as_json:
        attributes = [
            {
                "keyword": one.attribute.keyword,
                "before": one.before,
                "corrected": one.corrected,
                "differs": one.differs,
            }
            for one in found.compared
        ]
        print_json({**_line(found), "attributes": attributes})
        return
    _print_side_by_side(found)


@app.command()
def accept(
    number: Number,
    yes: Yes = False,
    again: Annotated[
        bool, typer.Option("--again", help="Accept it even if it was rejected or replaced.")
    ] = False,
) -> None:
    """Accept the corrected version.

    A new report names the one that it replaces.

    Example: screening corrections accept 7
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.db.corrections import read_correction
    from screening.doorbell.app import make_celery_app
    from screening.doorbell.names import Queue
    from screening.doorbell.ring import ring_once
    from screening.ops.correction_decisions import accept_correction

    with opened_database() as (settings, database):
        if not yes:
            _print_side_by_side(_found(read_correction(database, number), number))
            typer.confirm("Accept this correction?", abort=True)
        accept_correction(database, number, by=os_user(), again=again)
        celery = make_celery_app(settings)
        ring_once(celery, Queue.CLASSIFY)
        ring_once(celery, Queue.REPORT)
    print(f"correction {number} is accepted; a new report is issued")


@app.command()
def reject(number: Number, yes: Yes = False) -> None:
    """Reject a correction.

    Nothing else changes, and the correction remains on record.

    Example: screening corrections reject 7
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.db.corrections import read_correction
    from screening.ops.correction_decisions import reject_correction

    with opened_database() as (_, database):
        if not yes:
            _print_side_by_side(_found(read_correction(database, number), number))
            typer.confirm("Reject this correction?", abort=True)
        reject_correction(database, number, by=os_user())
    print(f"correction {number} is rejected; nothing else changed")


def _found(correction: "CorrectionDetail | None", number: int) -> "CorrectionDetail":
    if correction is None:
        raise DecisionRefusedError(
            f"expected a correction, found none with number {number}; "
            "`screening corrections list --all` shows all of them"
        )
    return correction


def _keywords(one: "CorrectionDetail") -> tuple[str, ...]:
    return tuple(compared.attribute.keyword for compared in one.differing)


def _line(one: "CorrectionDetail") -> dict[str, Any]:
    from screening.domain.shown_values import shown_uid

    return {
        "number": one.id,
        "state": one.state,
        "sop_instance_uid": shown_uid(one.sop_instance_uid),
        "studies": [shown_uid(study) for study in one.studies],
        "calling_ae_title": one.calling_ae_title,
        "received_at": one.received_at,
        "differs_in": list(_keywords(one)),
        "decided_at": one.decided_at,
        "decided_by": one.decided_by,
    }


def _print_side_by_side(one: "CorrectionDetail") -> None:
    from screening.cli.printing import print_table
    from screening.domain.shown_values import shown_uid

    decided = f" by {one.decided_by}" if one.decided_by else ""
    print_table(
        f"correction {one.id}, {one.state}{decided}: {shown_uid(one.sop_instance_uid)}",
        ("", "attribute", "before", "correction"),
        (
            (
                "differs" if compared.differs else "",
                compared.attribute.title,
                compared.before,
                compared.corrected,
            )
            for compared in one.compared
            if compared.before or compared.corrected
        ),
    )
