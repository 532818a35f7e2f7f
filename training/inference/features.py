"""The penultimate features of a trained network."""

import keras

from screening.networks.feature_maps import last_feature_map, with_features

MOST_FEATURES = 4096
"""Of a last layer that takes more, the penultimate features are the means of the last feature map.
"""


def feature_network(model: keras.Model, layer: str) -> keras.Model:
    """Return a network on the same weights that gives one layer's features alone."""
    return keras.Model(model.input, with_features(model, layer).outputs[1])


def penultimate(model: keras.Model) -> keras.Model:
    """Return a network that gives what the last layer takes, (batch, features)."""
    taken = model.layers[-1].input
    if len(taken.shape) == 2 and taken.shape[1] <= MOST_FEATURES:  # noqa: PLR2004
        return keras.Model(model.input, taken)
    return feature_network(model, last_feature_map(model))
