"""The penultimate features of a trained network."""

import keras

from screening.networks.feature_maps import with_features


def feature_network(model: keras.Model, layer: str) -> keras.Model:
    """Return a network on the same weights that gives one layer's features alone."""
    return keras.Model(model.input, with_features(model, layer).outputs[1])
