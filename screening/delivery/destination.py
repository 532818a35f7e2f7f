"""Destinations ready to be sent to, each of its kind."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import KINDS, Attempt, Check, Ending, Sender, Site, StoredReport
from screening.delivery.rendering import RENDERINGS


@dataclass(frozen=True, slots=True)
class Destination:
    """Takes reports of one rendering."""

    name: str
    """In settings, rows and logs."""
    profile: str
    """The rendering that it takes."""
    sender: Sender
    outcomes: Mapping[str, Ending]
    """The kind's table, which every answer of the sender is looked up in."""

    def send(self, reports: Sequence[StoredReport]) -> Iterator[Attempt]:
        """Send reports; yield one attempt for each, in their order, as soon as it has ended."""
        for answer in self.sender.send(reports):
            yield Attempt(self.outcomes[answer.outcome], answer.status, answer.message)

    def test(self) -> Iterator[Check]:
        """Try whether it is reachable and would accept a report; send none. Raises nothing."""
        try:
            yield from self.sender.test()
        except Exception as error:  # noqa: BLE001  one destination's fault must not hide the others
            message = f"an unexpected error ({type(error).__name__}: {error})"
            yield Check("test", passed=False, message=message)


def connected(chosen: Iterable[DestinationSettings], site: Site) -> list[Destination]:
    """Return destinations ready to be sent to. Raises SettingsError, as their kinds do."""
    return [_destination(one, site) for one in chosen]


def _destination(one: DestinationSettings, site: Site) -> Destination:
    kind = KINDS.named(one.kind)
    sender = kind.connect(one, RENDERINGS.named(one.profile), site)
    return Destination(one.name, one.profile, sender, kind.outcomes)
