"""Reads one destination of the settings by the model of its kind."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from screening.delivery.entry import DEFAULT_KIND, DestinationSettings
from screening.delivery.kind import KINDS, DestinationKind
from screening.delivery.registry import UnknownNameError
from screening.delivery.rendering import RENDERINGS


def read_destination(keys: Mapping[str, object]) -> DestinationSettings:
    """Return a destination as its kind's model has read it.

    Raises ValidationError naming the wrong key: an unknown kind or rendering with those there are,
    a rendering that the kind cannot send with those that it can.
    """
    kind = _kind(keys.get("kind", DEFAULT_KIND))
    destination: DestinationSettings = kind.settings.model_validate(dict(keys))
    _check_rendering(kind, destination.profile)
    return destination


def sendable(kind: DestinationKind[Any]) -> list[str]:
    """Return the names of the renderings that a kind can send, sorted."""
    return [
        one.name
        for one in RENDERINGS.all()
        if kind.media_types is None or one.media_type in kind.media_types
    ]


def _kind(name: object) -> DestinationKind[Any]:
    try:
        return KINDS.named(str(name))
    except UnknownNameError as error:
        raise _wrong("kind", name, str(error)) from None


def _check_rendering(kind: DestinationKind[Any], name: str) -> None:
    names = sendable(kind)
    if name not in names:
        raise _wrong(
            "profile",
            name,
            f"expected a rendering that {kind.name} can send: {', '.join(names)}; found {name!r}",
        )


def _wrong(key: str, found: object, message: str) -> ValidationError:
    problem = PydanticCustomError("destination", "{message}", {"message": message})
    return ValidationError.from_exception_data(
        "destination", [InitErrorDetails(type=problem, loc=(key,), input=found)]
    )
