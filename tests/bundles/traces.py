"""Counts how often networks are traced: once each, whatever the sizes of the batches."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest

from screening.ensemble import members
from screening.networks.compiled import Compiled, compiled


@contextmanager
def noted_traces(traced: list[str]) -> Iterator[None]:
    """Note the name of each network, of an ensemble that the block loads, whenever it is traced."""

    def noting(model: keras.Model) -> Compiled:
        call = model.call
        model.call = lambda *given, **named: traced.append(model.name) or call(*given, **named)
        return compiled(model)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(members, "compiled", noting)
        yield
