"""Where waiting work is: rows, messages, the figure that shows its age; who was served when."""

import re
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from sqlalchemy import func, select

from screening.db.clock import utc_now
from screening.db.tables.instances import Classification, Event, Instance
from screening.domain.lifecycle import Lane
from tests.faults.installation import FINAL, Installation
from tests.sites.site import wait_until

AGE = re.compile(r"^screening_oldest_pending_age_seconds (\S+)$", re.MULTILINE)
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Served:
    """One image: when it was received, and when a worker first took it."""

    sop_instance_uid: str
    lane: Lane
    received_at: datetime
    claimed_at: datetime


def messages(here: Installation) -> int:
    """Count the messages in Redis, those that a worker holds included."""
    assert here.redis is not None
    with redis.Redis.from_url(here.redis.url) as client:
        lists = [key for key in client.scan_iter() if client.type(key) == b"list"]
        return sum(int(client.llen(key)) for key in lists) + int(client.hlen("unacked"))


def start_page(here: Installation) -> None:
    """Start the worklist page, which monitoring reads, and wait until it answers."""
    if "web" not in here.site.processes:
        here.site.start("web")

    def answers() -> bool:
        try:
            return shown_age_s(here) >= 0
        except urllib.error.URLError:
            return False

    wait_until(answers, "the page to answer")


def shown_age_s(here: Installation) -> float:
    """Return the oldest waiting age as monitoring reads it."""
    url = f"http://127.0.0.1:{here.site.variables['SCREENING_WEB_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        found = AGE.search(answer.read().decode())
    assert found, "expected screening_oldest_pending_age_seconds in /metrics, found none"
    return float(found[1])


def age_is_shown(here: Installation) -> tuple[float, bool]:
    """Return the age that is shown, and whether it is that of the rows.

    Backfill has a result that stands; nobody waits for it. The worker stands still meanwhile, or
    another row might be the oldest by then.
    """
    here.stations.signal(signal.SIGSTOP, "classify")
    oldest = select(func.min(Instance.received_at)).join(Classification)
    oldest = oldest.where(Classification.state.not_in(FINAL), Classification.lane == Lane.LIVE)
    with here.database.read() as session:
        since = session.execute(oldest).scalar_one()
    if since is None:
        return 0.0, False
    before_s = (utc_now() - since).total_seconds()
    shown_s = shown_age_s(here)
    after_s = (utc_now() - since).total_seconds()
    here.stations.signal(signal.SIGCONT, "classify")
    return shown_s, before_s <= shown_s <= after_s


def served_since(here: Installation, start: datetime) -> list[Served]:
    """Return what workers have taken since then, in that order."""
    claims = (
        select(Event.sop_instance_uid, Classification.lane, Instance.received_at, Event.at)
        .join(Instance, Instance.sop_instance_uid == Event.sop_instance_uid)
        .join(Classification, Classification.instance_id == Instance.id)
        .where(Event.kind == "classification_claimed", Event.at >= start)
        .where(Classification.created_at >= start)
        .order_by(Event.id)
    )
    first: dict[str, Served] = {}
    with here.database.read() as session:
        for uid, lane, received_at, claimed_at in session.execute(claims):
            first.setdefault(str(uid), Served(str(uid), Lane(lane), received_at, claimed_at))
    return list(first.values())


def out_of_order(served: Sequence[Served], answered_at: Mapping[str, datetime]) -> list[str]:
    """Return in words who was overtaken: live work in its lane, or by backfill.

    served: in the order in which it was; answered_at: when the sender of a live image had its
    Success, from when on its row is there. Whoever came after that may not be taken before it.
    """
    wrong = []
    newest = backfill_begun = datetime.min.replace(tzinfo=UTC)
    for one in served:
        if one.lane == Lane.BACKFILL:
            backfill_begun = max(backfill_begun, one.claimed_at)
            continue
        there_from = answered_at.get(one.sop_instance_uid)
        if there_from is not None and there_from < newest:
            wrong.append(f"{one.sop_instance_uid} was overtaken by a later one")
        if there_from is not None and there_from < backfill_begun:
            wrong.append(f"{one.sop_instance_uid} was overtaken by backfill")
        newest = max(newest, one.received_at)
    return wrong
