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

from screening.imaging.preprocess import InputSpec, preprocess
from training.augmentation.geometry import Augment, image_random


@dataclass(frozen=True, slots=True)
class Batch:
    """images: (n, height, width, 3), targets: (n, outputs), weights: (n,) or None; all float32."""

    images: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32] | None


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


class RadiographBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Images that are decoded already, in batches; item i is (images, targets[, weights]).

    images: what `load_images` returned, exact if `augment` is None, else with sides of at least
    64 pixels, as `preprocess` wants. targets: (n, outputs)
    float32. rows: which images are used, in order, all by default. keys: of every image; its
    random changes depend on its key, the seed and the epoch; by default its place in `images`.
    shuffle: another order in every epoch. drawn: instead of every image once, each epoch draws
    anew, with these chances. Each item is the same however often and from whichever
    thread it is asked for.
    """

    def __init__(
        self,
        images: NDArray[np.uint8] | NDArray[np.float32],
        targets: NDArray[np.float32],
        spec: InputSpec,
        *,
        batch_size: int,
        rows: Sequence[int] | None = None,
        keys: Sequence[int] | None = None,
        sample_weights: NDArray[np.float32] | None = None,
        augment: Augment | None = None,
        shuffle: bool = False,
        drawn: Draw | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        wanted = np.uint8 if augment else np.float32
        if images.dtype != wanted:
            raise ValueError(f"expected {np.dtype(wanted)} images, found {images.dtype}")
        self.images, self.targets, self.spec = images, targets, spec
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        self.drawn = drawn
        self.rows = np.arange(len(images)) if rows is None else np.asarray(rows, dtype=np.intp)
        self.keys = range(len(images)) if keys is None else keys
        self.sample_weights, self.augment = sample_weights, augment
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order and the random changes of an epoch, counted from 0."""
        self.epoch = epoch
        random = np.random.default_rng((self.seed, epoch))
        if self.drawn:
            self.order = self.rows[self.drawn.order(random)]
        else:
            self.order = random.permutation(self.rows) if self.shuffle else self.rows
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
        weights = None if self.sample_weights is None else self.sample_weights[chosen]
        return Batch(images, self.targets[chosen], weights)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        batch = self.batch(index)
        parts = (batch.images, batch.targets)
        return parts if batch.weights is None else (*parts, batch.weights)

    def image(self, row: int, time: int) -> NDArray[np.float32]:
        """Return the input of one row, as this epoch shows it for the how manieth time."""
        radiograph = self.images[row]
        if self.augment is None:
            return np.repeat(radiograph[..., np.newaxis], 3, axis=2)
        random = image_random(self.seed, self.epoch, self.keys[row], int(time))
        return preprocess(self.augment(np.asarray(radiograph), random), self.spec)


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
