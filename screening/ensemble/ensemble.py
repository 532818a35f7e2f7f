"""The ensemble of a bundle, loaded and ready to score.

Workers screen with it, `screening score` and training's evaluation measure with it: one way to
load, prepare, score, combine and refuse. Importing this module loads Keras and what it runs on,
which is chosen when the process starts (`screening.settings.choose_runtime`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from screening.bundles.registry import Bundle, verify_files
from screening.domain.eligibility import Refusal
from screening.domain.grey_curve import GreyCurve
from screening.domain.heat_map import HeatMap
from screening.domain.image_statistics import ImageStatistics
from screening.domain.scores import EnsembleScores, combine
from screening.ensemble.device import memory_for, set_up_runtime
from screening.ensemble.examination import Failed
from screening.ensemble.golden_check import compare_golden, no_lung_field, read_grey
from screening.ensemble.heat_maps import MemberHeatMaps, heat_maps
from screening.ensemble.input_views import InputViews, PreparedInput, ViewExtractor
from screening.ensemble.members import EnsembleMember, MemberOutputs, load_network
from screening.ensemble.memory_limit import MemoryLimit, in_parts
from screening.ensemble.outlier_check import OutlierAnswer, OutlierCheck
from screening.errors import BundleError
from screening.imaging.fingerprint import fingerprint
from screening.imaging.network_input.grey_levels import level_quantiles, with_curve
from screening.imaging.network_input.grey_statistics import grey_statistics
from screening.imaging.network_input.lung_field import View
from screening.imaging.network_input.preprocess import preprocess_reduced, reduced
from screening.networks.architectures import ARCHITECTURES, Architecture


@dataclass(frozen=True, slots=True)
class Inference:
    """The scores of one radiograph, and why it must not be screened all the same."""

    scores: EnsembleScores
    refusal: Refusal | None
    """By the lung field or the outlier check; None where the scores may be used."""
    statistics: ImageStatistics
    """By which drift is told."""


@dataclass(frozen=True, slots=True)
class Screened:
    """The scores of one radiograph that may be used, and the statistics of its image."""

    scores: EnsembleScores
    statistics: ImageStatistics


class Ensemble:
    """The members of a bundle, their calibration and combination, and what the bundle refuses."""

    def __init__(
        self,
        bundle: Bundle,
        members: Sequence[EnsembleMember],
        outlier_check: OutlierCheck | None = None,
        extractor: ViewExtractor | None = None,
    ) -> None:
        self.bundle = bundle
        self._members = tuple(members)
        self._outlier_check = outlier_check
        self._extractor = extractor or ViewExtractor()
        self._memory_limit = MemoryLimit()
        self._heat_map_makers: tuple[MemberHeatMaps, ...] | None = None

    @classmethod
    def load(
        cls, bundle: Bundle, architectures: Mapping[str, Architecture] = ARCHITECTURES
    ) -> Self:
        """Verify a bundle's files, build its networks and load their weights.

        architectures: by the name that the manifest gives. Raises BundleError where a file differs,
        the preprocessing is another, an architecture is unknown or weights do not fit.
        `verify_golden` checks that the scores come out right.
        """
        set_up_runtime()
        _refuse_other_preprocessing(bundle)
        verify_files(bundle)
        section = bundle.manifest.outlier_check
        members = [
            EnsembleMember(
                member,
                load_network(member, bundle.directory, architectures),
                section.layer if section and section.member == member.name else None,
            )
            for member in bundle.manifest.members
        ]
        return cls(
            bundle,
            members,
            OutlierCheck(section, bundle.directory) if section else None,
            ViewExtractor.load(bundle.manifest.lung_field, bundle.directory),
        )

    def views(self, image: NDArray[np.uint8]) -> InputViews:
        """Return the input views of a (rows, columns) uint8 image; safe in any thread.

        image: 0 = black, MONOCHROME2 sense. Raises OutOfMemoryError where the memory is too small.
        """
        with memory_for("one radiograph's views"):
            return self._extractor.views(image)

    def prepare(self, image: NDArray[np.uint8], curve: GreyCurve | None = None) -> PreparedInput:
        """Crop and resize one radiograph for each member; safe in any thread.

        image: (rows, columns) uint8, 0 = black, MONOCHROME2 sense. curve: the site's, applied to
        the cropped image.
        Raises UndecodablePixelsError where a side is too short, OutOfMemoryError where the memory
        is too small.
        """
        return self.prepare_views(self.views(image), curve)

    def prepare_views(self, views: InputViews, curve: GreyCurve | None = None) -> PreparedInput:
        """Resize the views of one radiograph for each member, as `prepare` does."""
        with memory_for("one radiograph's views"):
            as_rendered = self._arrays(views.pixels)
            if curve is None:
                return PreparedInput(as_rendered, views.box, views.refusal)
            adapted = {view: with_curve(pixels, curve) for view, pixels in views.pixels.items()}
            return PreparedInput(self._arrays(adapted), views.box, views.refusal, as_rendered)

    def level_quantiles(self, one: PreparedInput) -> tuple[float, ...]:
        """Return the quantiles of a prepared radiograph's grey levels, before any curve."""
        return level_quantiles(self._grey(one))

    def screen(self, batch: Sequence[PreparedInput]) -> list[EnsembleScores | Refusal | Failed]:
        """Return what `screen_with_statistics` does, without the statistics."""
        screened = self.screen_with_statistics(batch)
        return [one.scores if isinstance(one, Screened) else one for one in screened]

    def screen_with_statistics(
        self, batch: Sequence[PreparedInput]
    ) -> list[Screened | Refusal | Failed]:
        """Return the scores of each prepared radiograph, or why it must not be screened, in order.

        A radiograph without a plausible lung field is refused and never scored; the outlier check
        refuses others. A bundle without either section in its manifest refuses none. Where the
        memory is too small for the batch it is halved, down to one radiograph, which then fails.
        """
        plausible = [one for one in batch if one.refusal is None]
        screened = iter(in_parts(plausible, self._memory_limit, self._screened))
        return [one.refusal or next(screened) for one in batch]

    def infer(self, batch: Sequence[PreparedInput]) -> list[Inference]:
        """Return the scores of every prepared radiograph and its refusal, in order.

        What else is in the batch moves a probability by rounding alone, less than
        `SCORE_TOLERANCE`. Raises OutOfMemoryError and BundleError as `EnsembleMember.outputs` does.
        """
        if not batch:
            return []
        outputs = [self._outputs(place, batch) for place in range(len(self._members))]
        by_member = [
            member.scores(output.probabilities)
            for member, output in zip(self._members, outputs, strict=True)
        ]
        weights = self.bundle.manifest.combination_weights
        if any(one.as_rendered for one in batch):
            outputs = self._unadapted_outputs(batch)
        checked = self._checked(batch, outputs)
        return [
            Inference(combine(scores, weights), refusal, statistics)
            for scores, (refusal, statistics) in zip(
                zip(*by_member, strict=True), checked, strict=True
            )
        ]

    def refusals(self, batch: Sequence[PreparedInput]) -> list[Refusal | None]:
        """Return only the refusals that `infer` gives, in order.

        The one network that runs is that of the outlier check, where the bundle has one.
        """
        if not batch:
            return []
        checked = self._checked(batch, self._unadapted_outputs(batch))
        return [refusal for refusal, _ in checked]

    def heat_maps(self, prepared: PreparedInput) -> list[HeatMap]:
        """Return where each member finds what speaks for each of its classes, member by member.

        Raises NoFeatureMapError where a network has no feature map, OutOfMemoryError and
        BundleError as `EnsembleMember.outputs` does.
        """
        if self._heat_map_makers is None:
            self._heat_map_makers = tuple(
                MemberHeatMaps(one.member, one.network) for one in self._members
            )
        return heat_maps(self._heat_map_makers, self.bundle.manifest.members, prepared)

    def verify_golden(self) -> None:
        """Score the bundle's golden images and compare with the scores in its manifest.

        Raises BundleError with expected and found scores where they differ beyond the tolerance,
        and where a golden image has no plausible lung field.
        """
        golden = self.bundle.manifest.golden
        prepared = [self.prepare(read_grey(self.bundle.directory / one.file)) for one in golden]
        for expected, one in zip(golden, prepared, strict=True):
            if one.refusal is not None:
                raise no_lung_field(self.bundle, expected, one.refusal)
        for expected, inferred in zip(golden, self.infer(prepared), strict=True):
            for member in inferred.scores.members:
                compare_golden(self.bundle, expected, member)

    def _screened(self, part: Sequence[PreparedInput]) -> list[Screened | Refusal]:
        return [
            inferred.refusal or Screened(inferred.scores, inferred.statistics)
            for inferred in self.infer(part)
        ]

    def _arrays(self, pixels: Mapping[View, NDArray[np.uint8]]) -> tuple[NDArray[np.float32], ...]:
        kinds = [(one.member.input.view, one.spec.detail_pixels) for one in self._members]
        shared = {(view, detail): reduced(pixels[view], detail) for view, detail in set(kinds)}
        return tuple(
            preprocess_reduced(shared[kind], member.spec)
            for kind, member in zip(kinds, self._members, strict=True)
        )

    def _outputs(self, place: int, batch: Sequence[PreparedInput]) -> MemberOutputs:
        with memory_for(f"a batch of {len(batch)}"):
            images = np.stack([prepared.arrays[place] for prepared in batch])
        return self._members[place].outputs(images)

    def _unadapted_outputs(self, batch: Sequence[PreparedInput]) -> list[MemberOutputs]:
        """Return the outputs of the outlier check's network for the images as they come."""
        as_they_come = [replace(one, arrays=one.unadapted) for one in batch]
        places = [n for n, member in enumerate(self._members) if member.gives_features]
        return [self._outputs(place, as_they_come) for place in places]

    def _checked(
        self, batch: Sequence[PreparedInput], outputs: Sequence[MemberOutputs]
    ) -> list[tuple[Refusal | None, ImageStatistics]]:
        """Return each radiograph's refusal, and the statistics of its image."""
        answers = [OutlierAnswer()] * len(batch)
        if self._outlier_check:
            for output in outputs:
                if output.features is not None:
                    answers = self._outlier_check.answers(output.features)
        return [
            (one.refusal or answer.refusal, self._statistics(one, answer))
            for one, answer in zip(batch, answers, strict=True)
        ]

    def _statistics(self, one: PreparedInput, answer: OutlierAnswer) -> ImageStatistics:
        grey = self._grey(one)
        return ImageStatistics(
            feature_distance=answer.distance,
            features=answer.coordinates,
            level_quantiles=level_quantiles(grey),
            **{name: round(value, 4) for name, value in asdict(grey_statistics(grey)).items()},
        )

    def _grey(self, one: PreparedInput) -> NDArray[np.float32]:
        """Return the image as it comes, at the smallest member's size, 0 black to 255 white."""
        specs = [member.spec for member in self._members]
        place = min(range(len(specs)), key=lambda n: specs[n].height * specs[n].width)
        black, white = specs[place].value_range
        return np.asarray((one.unadapted[place][..., 0] - black) * (255 / (white - black)))


def _refuse_other_preprocessing(bundle: Bundle) -> None:
    expected, found = bundle.manifest.preprocessing_fingerprint, fingerprint()
    if expected != found:
        raise BundleError(
            f"bundle {bundle.identity}: expected preprocessing {expected}, found {found} in this "
            "version; use the version the bundle was made with, or a bundle made with this one"
        )
