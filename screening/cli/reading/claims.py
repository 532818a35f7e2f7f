"""`screening claims`: who reads which study, and ending a claim that was forgotten."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Readers' claims: list, release, mark-read.")


@app.command(name="list")
def list_claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the studies that readers have claimed.

    Those that are read by now are not among them. The oldest claim comes first.

    Example: screening claims list
    """
    from screening.cli.opened import opened_database
    from screening.cli.printing import print_json, print_table
    from screening.domain.shown_values import shown_uid
    from screening.ops.reading.claims import open_claims

    with opened_database() as (_, database):
        found = open_claims(database)
    if as_json:
        print_json(
            [
                {
                    "study_instance_uid": shown_uid(one.study_instance_uid),
                    "claimed_by": one.claimed_by,
                    "claimed_at": one.claimed_at,
                    "priority": one.priority,
                }
                for one in found
            ]
        )
        return
    print_table(
        "claims",
        ("claimed (UTC)", "by", "priority", "Study Instance UID"),
        (
            (
                f"{one.claimed_at:%Y-%m-%d %H:%M}",
                one.claimed_by,
                one.priority,
                shown_uid(one.study_instance_uid),
            )
            for one in found
        ),
    )


@app.command()
def release(
    study: Annotated[
        str, typer.Argument(metavar="UID", help="The Study Instance UID, as `list` shows it.")
    ],
) -> None:
    """End a claim, so that other readers may have the study.

    It stays on the list, in the place that it had.

    Example: screening claims release 2.25.1234
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.domain.reading import Actor
    from screening.ops.reading.claims import release_claim

    with opened_database() as (_, database):
        reader = release_claim(database, study, Actor(os_user(), may_end_others=True))
    print(f"the claim of {reader} is released")


@app.command()
def mark_read(
    before: Annotated[
        str,
        typer.Option(metavar="T", help="Received before then: ISO date or time, or 7d, 12h."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Mark old unread studies as read.

    For studies from before readers marked them here. Those that somebody has claimed stay as they
    are. You may interrupt and repeat it.

    Example: screening claims mark-read --before 30d
    """
    from screening.cli.opened import opened_database
    from screening.cli.person import os_user
    from screening.cli.reading.lists import point_in_time
    from screening.domain.reading import Actor
    from screening.ops.reading.claims import mark_read_before

    end = point_in_time(before)
    if not yes:
        typer.confirm(f"Mark unread studies received before {end:%Y-%m-%d %H:%M} UTC?", abort=True)
    studies = 0
    with opened_database() as (_, database):
        while count := mark_read_before(database, end, Actor(os_user())):
            studies += count
    print(f"studies marked as read: {studies}")
