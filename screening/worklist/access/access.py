"""Who looks at the page, and what they may do."""

from dataclasses import dataclass

from starlette.requests import Request

from screening.domain.roles import Role

VISITOR_KEY = "screening.visitor"
"""Where the gate leaves the visitor in an ASGI scope."""


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
