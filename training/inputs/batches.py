"""Batches of radiographs for training and evaluation, and how long the network waits for them."""

import math
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from screening.imaging.network_input.preprocess import InputSpec, preprocess
from training.augmentation.geometry import Augment, image_random


@dataclass(frozen=True, slots=True)
class Batch:
    """images: (n, height, width, 3), targets: (n, outputs); both float32."""

    images: NDArray[np.float32]
    targets: NDArray[np.float32]


class Draw(Protocol):
    """Chooses the images of an epoch anew."""

    @property
    def images(self) -> int:
        """How many an epoch has."""

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """Return places in the rows of the batches, (images,)."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A `Draw`; chances: of each row of the batches, (rows,), adding up to 1."""

    chances: NDArray[np.float64]
    images: int

    def order(self, random: np.random.Generator) -> NDArray[np.intp]:
        """Return places in the rows of the batches, (images,)."""
        return random.choice(len(self.chances), self.images, p=self.chances)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """Which images are in the batches of an epoch, in which order, and how they are changed."""

    batch_size: int
    rows: Sequence[int] | None = None
    """Which images are used, in order; None: all."""
    keys: Sequence[int] | None = None
    """Of every image; its random changes depend on key, seed and epoch; None: its place."""
    augment: Augment | None = None
    """What changes each image; None: images are exact and stay as they are."""
    shuffle: bool = False
    """Another order in every epoch."""
    drawn: Draw | None = None
    """Instead of every image once, each epoch draws anew."""
    seed: int = 0
    """Of order, draws and changes."""


class RadiographBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Images that are decoded already, in batches; item i is (images, targets).

    images: what `load_images` returned, exact if nothing changes them, else with sides of at least
    64 pixels, as `preprocess` wants. targets: (n, outputs) float32. Each item is the same however
    often and from whichever thread it is read.
    """

    def __init__(
        self,
        images: NDArray[np.uint8] | NDArray[np.float32],
        targets: NDArray[np.float32],
        spec: InputSpec,
        options: BatchOptions,
    ) -> None:
        super().__init__()
        wanted = np.uint8 if options.augment else np.float32
        if images.dtype != wanted:
            raise ValueError(f"expected {np.dtype(wanted)} images, found {images.dtype}")
        self.images, self.targets, self.spec = images, targets, spec
        self.options, self.batch_size = options, options.batch_size
        rows, keys = options.rows, options.keys
        self.rows = np.arange(len(images)) if rows is None else np.asarray(rows, dtype=np.intp)
        self.keys = range(len(images)) if keys is None else keys
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order and the random changes of an epoch, counted from 0."""
        self.epoch = epoch
        options = self.options
        random = np.random.default_rng((options.seed, epoch))
        if options.drawn:
            self.order = self.rows[options.drawn.order(random)]
        else:
            self.order = random.permutation(self.rows) if options.shuffle else self.rows
        seen: Counter[int] = Counter()
        self.times = np.zeros(len(self.order), np.intp)
        for place, row in enumerate(self.order.tolist()):
            self.times[place] = seen[row]
            seen[row] += 1

    @property
    def size(self) -> int:
        """Number of images in an epoch."""
        return len(self.order)

    def __len__(self) -> int:
        return math.ceil(self.size / self.batch_size)

    def batch(self, index: int) -> Batch:
        """Return batch `index` of this epoch; the last may be smaller."""
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        chosen, times = self.order[part], self.times[part]
        images = np.stack([self.image(*each) for each in zip(chosen, times, strict=True)])
        return Batch(images, self.targets[chosen])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        batch = self.batch(index)
        return batch.images, batch.targets

    def image(self, row: int, time: int) -> NDArray[np.float32]:
        """Return the input of one row, as this epoch shows it for the how manieth time."""
        radiograph = self.images[row]
        augment = self.options.augment
        if augment is None:
            return np.repeat(radiograph[..., np.newaxis], 3, axis=2)
        random = image_random(self.options.seed, self.epoch, self.keys[row], int(time))
        return preprocess(augment(np.asarray(radiograph), random), self.spec)


class Prefetched:
    """Iterates over the batches of one epoch, prepared ahead by threads, always in order.

    wait_s: how long the consumer has waited for batches since the first; 0 where the input keeps
    the device busy.
    """

    def __init__(self, batches: RadiographBatches, *, workers: int = 2, ahead: int = 4) -> None:
        self._batches, self._workers, self._ahead = batches, workers, ahead
        self.wait_s = 0.0

    def __iter__(self) -> Iterator[Batch]:
        indices = iter(range(len(self._batches)))
        with ThreadPoolExecutor(self._workers) as pool:
            waiting: deque[Future[Batch]] = deque(
                pool.submit(self._batches.batch, index) for index in islice(indices, self._ahead)
            )
            try:
                while waiting:
                    start_s = time.perf_counter()
                    batch = waiting.popleft().result()
                    self.wait_s += time.perf_counter() - start_s
                    for index in islice(indices, 1):
                        waiting.append(pool.submit(self._batches.batch, index))
                    yield batch
            finally:
                for future in waiting:
                    future.cancel()
