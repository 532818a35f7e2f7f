"""Who looks at the page, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request

VISITOR_KEY = "screening.visitor"
"""Where the gate leaves the visitor in an ASGI scope."""


class Role(StrEnum):
    """What a visitor may do."""

    READER = "reader"
    """See the worklist, its JSON and the metrics."""
    OPERATOR = "operator"
    """Besides, have reports sent or made again."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever makes a request.

    name: "" where nobody logs in (the page is open to this machine). form_token: what every form
    of this visitor must send back; known to nobody else.
    """

    name: str
    role: Role
    form_token: str

    @property
    def is_operator(self) -> bool:
        """Whether this visitor may change something."""
        return self.role is Role.OPERATOR


def visitor_of(request: Request) -> Visitor:
    """Return who makes a request that the gate let through."""
    visitor: Visitor = request.scope[VISITOR_KEY]
    return visitor
