"""What fuzzing aims at: where inputs come from, and what tells that one was taken wrongly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes bytes from strangers.

    inputs: makes bytes out of a fuzzer's choices; faults: gives an input to the product and returns
    what it did that it may not do, in words that are the same for the same fault.
    """

    name: str
    suffix: str
    inputs: SearchStrategy[bytes]
    faults: Callable[[bytes], Sequence[str]]
