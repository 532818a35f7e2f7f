"""The newest images of each sender that the active bundle answered.

Only results that stand count, and of them only the active bundle's: a corrected object and what it
replaced are one image, and what another bundle found says nothing of this one. Images that were not
applicable by their header, such as lateral views, were never looked at and do not count; those that
the bundle refused as no chest radiograph do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from screening.db.tables.instances import Classification, Instance
from screening.domain.drift import MOST_IMAGES, RecentImage
from screening.domain.eligibility import Reason
from screening.domain.image_statistics import FEATURES, LISTS, SCORES
from screening.domain.lifecycle import ClassificationState

MOST_SENDERS = 50
"""Those that sent most recently: figures have a label for each, whatever somebody calls itself."""
MOST_TITLES = 1000
"""Looked at for them."""
MOST_INSTANCES = 1000
"""Of a sender, looked at for the images that count: a new bundle has answered none of the old."""


def newest_senders(session: Session) -> list[str]:
    """Return the calling AE titles that sent most recently, the newest first."""
    other, own = aliased(Instance), aliased(Instance)
    titles = select(
        func.min(Instance.calling_ae_title).label("title"), literal(1).label("place")
    ).cte("titles", recursive=True)
    # each step finds the next title by the index: no step reads the images of one
    following = (
        select(func.min(other.calling_ae_title))
        .where(other.calling_ae_title > titles.c.title)
        .scalar_subquery()
    )
    titles = titles.union_all(
        select(following, titles.c.place + 1).where(
            titles.c.title.is_not(None), titles.c.place < MOST_TITLES
        )
    )
    newest = (
        select(func.max(own.id)).where(own.calling_ae_title == titles.c.title).scalar_subquery()
    )
    found = (
        select(titles.c.title)
        .where(titles.c.title.is_not(None))
        .order_by(newest.desc())
        .limit(MOST_SENDERS)
    )
    return list(session.scalars(found))


def recent_images(session: Session, calling_ae_title: str, bundle_id: int) -> list[RecentImage]:
    """Return a sender's newest images that a bundle answered, at most `MOST_IMAGES`."""
    newest = (
        select(Instance.id)
        .where(Instance.calling_ae_title == calling_ae_title)
        .order_by(Instance.id.desc())
        .limit(MOST_INSTANCES)
        .subquery()
    )
    unlike = and_(
        Classification.state == ClassificationState.NOT_APPLICABLE,
        Classification.reason == Reason.UNLIKE_CHEST_RADIOGRAPH,
    )
    rows = session.execute(
        select(
            Classification.state,
            Classification.covid19,
            Classification.pneumonia,
            Classification.normal,
            Classification.image_statistics,
        )
        .join(newest, Classification.instance_id == newest.c.id)
        .where(
            Classification.stands_since.is_not(None),
            Classification.bundle_id == bundle_id,
            or_(Classification.state == ClassificationState.CLASSIFIED, unlike),
        )
        .order_by(newest.c.id.desc())
        .limit(MOST_IMAGES)
    )
    return [
        RecentImage({}, refused=True)
        if row.state == ClassificationState.NOT_APPLICABLE
        else _scored(row.image_statistics or {}, (row.covid19, row.pneumonia, row.normal))
        for row in rows
    ]


def _scored(statistics: Mapping[str, Any], scores: Sequence[float | None]) -> RecentImage:
    values = {name: statistics[name] for name in statistics.keys() - LISTS}
    named = {name: score or 0.0 for name, score in zip(SCORES, scores, strict=True)}
    return RecentImage({**values, **named}, statistics.get(FEATURES, ()))
