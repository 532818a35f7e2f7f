"""Who looks at the page, and what they may do."""

from dataclasses import dataclass

from starlette.requests import Request

from screening.domain.roles import RIGHTS, Right, Role

VISITOR_KEY = "screening.visitor"
"""Where the gate leaves the visitor in an ASGI scope."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever makes a request.

    name: "" where nobody logs in (the page is open to this machine). form_token: what every form
    of this visitor must send back; known to nobody else. by_token: a program with a token, which no
    other site's page can have sent.
    """

    name: str
    role: Role
    form_token: str
    by_token: bool = False

    def may(self, right: Right) -> bool:
        """Return whether this visitor has a right."""
        return right in RIGHTS[self.role]

    @property
    def is_operator(self) -> bool:
        """Whether this visitor may change what readers may not."""
        return self.may(Right.OPERATE)


def visitor_of(request: Request) -> Visitor:
    """Return who makes a request that the gate let through."""
    visitor: Visitor = request.scope[VISITOR_KEY]
    return visitor
