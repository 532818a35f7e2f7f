"""What each image of a composition is for in one fold."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """Indices into a composition's rows, ascending.

    phases: what each phase trains on, one phase where the protocol has none. validation: all that
    is held out. watched: what of it is scored after each epoch. monitored: images of hospitals left
    out that are, too. No split group is in both training and validation or test.
    """

    fold: int
    phases: tuple[tuple[int, ...], ...]
    validation: tuple[int, ...]
    test: tuple[int, ...] = ()
    watched: tuple[int, ...] = ()
    monitored: tuple[int, ...] = ()

    @property
    def training(self) -> tuple[int, ...]:
        """Everything that some phase trains on."""
        return tuple(sorted({index for phase in self.phases for index in phase}))

    def without(self, indices: Collection[int]) -> "FoldPlan":
        """Return the plan without some rows."""

        def kept(part: Iterable[int]) -> tuple[int, ...]:
            return tuple(index for index in part if index not in indices)

        return replace(
            self,
            phases=tuple(kept(phase) for phase in self.phases),
            validation=kept(self.validation),
            test=kept(self.test),
        )

    def leaving_out(self, indices: Collection[int]) -> "FoldPlan":
        """Return the plan with some rows in the test part alone, whatever they were for."""
        rest = self.without(indices)
        return replace(rest, test=tuple(sorted({*rest.test, *indices})))

    def stopping_by(self, indices: Collection[int]) -> "FoldPlan":
        """Return the plan with some rows in the validation part alone, whatever they were for."""
        rest = self.without(indices)
        return replace(rest, validation=tuple(sorted({*rest.validation, *indices})))

    def watching(self, watched: tuple[int, ...], monitored: tuple[int, ...] = ()) -> "FoldPlan":
        """Return the plan with the images that are scored after each epoch."""
        return replace(self, watched=watched, monitored=monitored)
