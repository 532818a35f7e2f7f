"""Prints the papers' networks' weights, by name, order and shape, on KERAS_BACKEND's backend."""

import json

from screening.networks.architectures import ARCHITECTURES

if __name__ == "__main__":
    found = {}
    for name, architecture in ARCHITECTURES.items():
        model = architecture.build((75, 75, 3), len(architecture.classes))
        found[name] = [
            (f"{layer.name}/{weight.name}", list(weight.shape))
            for layer in model.layers
            for weight in layer.weights
        ]
    print(json.dumps(found))
