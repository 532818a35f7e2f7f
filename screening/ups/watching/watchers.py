"""Who hears of which step: subscriptions to single steps, and global ones.

Source: PS3.4 CC.2.3 and table CC.2.3-2.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from screening.db.tables.procedure_steps import StepSubscription
from screening.ups.steps.matching import keys_of, matches


@dataclass(frozen=True, slots=True)
class Watchers:
    """Subscriptions, as they were read."""

    of_all: Sequence[StepSubscription]
    """Global ones, at most one of each AE."""
    of_steps: Mapping[int, Sequence[StepSubscription]]
    """Those to single steps, by the step's id; where one says so, its AE hears nothing of it."""

    def of(self, step_id: int, data_set: Callable[[], Dataset]) -> list[str]:
        """Return the AE titles that hear of a step; data_set: as it is answered."""
        own = {one.receiving_ae_title: one.wanted for one in self.of_steps.get(step_id, ())}
        heard = {title for title, wanted in own.items() if wanted}
        for one in self.of_all:
            if one.receiving_ae_title not in own and _covers(one, step_id, data_set):
                heard.add(one.receiving_ae_title)
        return sorted(heard)

    @property
    def are_none(self) -> bool:
        """Whether nobody hears of anything that these subscriptions were read for."""
        return not self.of_all and not any(self.of_steps.values())


def read_watchers(session: Session, step_ids: Collection[int]) -> Watchers:
    """Return the subscriptions to these steps, and the global ones."""
    its = or_(StepSubscription.step_id.is_(None), StepSubscription.step_id.in_(step_ids))
    of_steps: dict[int, list[StepSubscription]] = defaultdict(list)
    of_all = []
    for row in session.scalars(select(StepSubscription).where(its)):
        if row.step_id is None:
            of_all.append(row)
        else:
            of_steps[row.step_id].append(row)
    return Watchers(of_all, of_steps)


def _covers(subscription: StepSubscription, step_id: int, data_set: Callable[[], Dataset]) -> bool:
    last = subscription.last_step_id
    if last is not None and step_id > last:
        return False  # it was suspended before this step began
    if subscription.keys is None:
        return True
    return matches(data_set(), keys_of(Dataset.from_json(subscription.keys)))
