"""Grad-CAM: where in an image a network found what it says.

Source: Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization, section 3; soares2020 shows such maps. Importing this module loads TensorFlow, whose
gradients it takes; `screening.imaging.pixels.overlay` draws a map without it.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from screening.errors import SettingsError
from screening.networks.feature_maps import last_feature_map


class GradCam:
    """A network cut in two at its last feature map; made once, for any number of maps."""

    def __init__(self, model: keras.Model) -> None:
        """Cut the network.

        The last layer is dense, as in every network of this project.
        Raises ValueError where it is not, or where the network has no feature map, and
        SettingsError where Keras runs on anything else than TensorFlow.
        """
        if keras.backend.backend() != "tensorflow":
            raise SettingsError(
                "Grad-CAM takes its gradients from TensorFlow: expected Keras to use tensorflow, "
                f"found {keras.backend.backend()}; unset KERAS_BACKEND"
            )
        self._last = model.layers[-1]
        if not isinstance(self._last, keras.layers.Dense):
            raise ValueError(  # noqa: TRY004  the network's value, not the argument's type
                f"network {model.name}: expected a dense last layer, found "
                f"{type(self._last).__name__}"
            )
        feature_map = model.get_layer(last_feature_map(model)).output
        self._body = keras.Model(model.input, feature_map)
        self._head = keras.Model(feature_map, self._last.input)

    def map(self, image: NDArray[np.float32], class_index: int) -> NDArray[np.float32]:
        """Return where the network sees a class, at its last convolutional feature map.

        image: (height, width, 3) float32 in the network's value range; class_index: of its
        outputs, with one sigmoid output 0. Returns (height, width) float32: 0 where nothing speaks
        for the class, 1 where most does; 0 everywhere where nothing does at all. The map is as
        coarse as the feature map it is stretched from: 10 x 10 in the concatenated network, 5 x 5
        in CoroNet. Raises ValueError for a class that the network has not.
        """
        weighted = self.weighted(image[np.newaxis], [class_index])[0, 0]
        height, width = image.shape[:2]
        return _scaled(weighted, height, width)

    def weighted(
        self, images: NDArray[np.float32], class_indices: Sequence[int]
    ) -> NDArray[np.float32]:
        """Return the maps of some classes as they are: not stretched, not scaled.

        images: (batch, height, width, 3). Returns (classes, batch, rows, columns) float32 of the
        feature map's size, 0 or more. Raises ValueError for a class that the network has not.
        """
        for index in class_indices:
            if not 0 <= index < self._last.units:
                raise ValueError(
                    f"expected a class from 0 to {self._last.units - 1}, found {index}"
                )
        maps = self._body(images, training=False)
        return np.stack([self._of_class(maps, index) for index in class_indices])

    def _of_class(self, maps: Any, class_index: int) -> NDArray[np.float32]:
        with tf.GradientTape() as tape:
            tape.watch(maps)
            score = self._score(self._head(maps, training=False), class_index)
        gradients = tf.cast(tape.gradient(score, maps), tf.float32)
        shares = tf.reduce_mean(gradients, axis=(1, 2))
        weighted = tf.einsum("bhwc,bc->bhw", tf.cast(maps, tf.float32), shares)
        return np.asarray(tf.nn.relu(weighted))

    def _score(self, hidden: Any, class_index: int) -> Any:
        """Return the class score before softmax or sigmoid, as the paper takes it.

        The gradient of a probability would vanish where the network is certain.
        """
        hidden = tf.cast(hidden, tf.float32)
        kernel = tf.convert_to_tensor(self._last.kernel)[:, class_index]
        return tf.linalg.matvec(hidden, kernel)


def _scaled(weighted: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    stretched = Image.fromarray(weighted).resize((width, height), Image.Resampling.BILINEAR)
    found = np.asarray(stretched, dtype=np.float32)
    most = found.max()
    return found / most if most > 0 else np.zeros_like(found)
