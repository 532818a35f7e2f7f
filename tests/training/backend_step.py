"""One step of training on whatever backend KERAS_BACKEND names.

Run `python tests/training/backend_step.py IN OUT`.

IN: arrays `images`, `targets` and the weights to start from; OUT: what came of it.
"""

import sys

import keras
import numpy as np

from training.fit.devices import Replicas
from training.fit.loop import PhasePlan, prepare, train_step
from training.fit.objective import Layout, objective, training_network
from training.inputs.batches import Batch
from training.protocols.loss_terms import Terms

LAYOUT = Layout(classes=3, findings=2, hospitals=3)
TERMS = Terms(findings=0.3, adversary=0.2, contrast=0.1, variance=0.5, worst=0.2, matched=0.3)


def build(side: int = 64) -> keras.Model:
    """Build a small network of every kind of layer that the papers' have, dropout apart.

    No bias before a normalisation: its gradient is rounding alone, which Adam would make large.
    """
    image = keras.Input((side, side, 3), name="image")
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False, name="block1_conv1")(image)
    x = keras.layers.BatchNormalization(name="block1_conv1_bn")(x)
    x = keras.layers.ReLU(name="block1_act")(x)
    y = keras.layers.SeparableConv2D(8, 3, padding="same", use_bias=False, name="block2_sepconv1")(
        x
    )
    y = keras.layers.BatchNormalization(name="block2_conv_bn")(y)
    x = keras.layers.Add(name="add_1")([x, y])
    x = keras.layers.MaxPooling2D(2, name="pool")(x)
    x = keras.layers.Conv2D(8, 1, name="fused_features")(x)
    x = keras.layers.Flatten(name="flattened")(x)
    x = keras.layers.Dense(3, activation="softmax", name="probabilities")(x)
    return keras.Model(image, x, name="small")


def main(given: str, written: str) -> None:
    """Train one step from the given weights; write weights and predictions."""
    model = build()
    learner = training_network(model, LAYOUT)
    with np.load(given) as arrays:
        for number, weight in enumerate(learner.weights):
            if f"weight {number}" in arrays.files:
                weight.assign(arrays[f"weight {number}"])
        batch = Batch(arrays["images"], arrays["targets"])
    before = np.asarray(model.predict_on_batch(batch.images))
    aims = objective(LAYOUT, TERMS)
    phase = PhasePlan(batches=None, epochs=1, learning_rate=0.001, objective=aims)  # type: ignore[arg-type]  # one step needs no epoch
    prepare(learner, phase, Replicas())
    loss, accuracy = train_step(learner, batch, Replicas())
    after = {f"weight {n}": keras.ops.convert_to_numpy(w) for n, w in enumerate(learner.weights)}
    np.savez(
        written,
        names=np.array([weight.path for weight in learner.weights]),
        before=before,
        loss=loss,
        accuracy=accuracy,
        predictions=np.asarray(model.predict_on_batch(batch.images)),
        **after,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
