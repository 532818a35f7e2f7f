"""Soares and Soares 2020: VGG-16, Xception and ResNet50 with frozen convolutions.

Citation: L. P. Soares, C. P. Soares, Automatic detection of COVID-19 cases on X-ray images using
convolutional neural networks, arXiv:2007.05494 (2020).

Data: COVID-19 175 images of ieee8023 covid-chestxray; normal 100 and other infections 100 of
Kermany's chest X-rays. 10 % for validation and 10 % for test.

Expected: accuracy VGG-16 97.3 %, Xception 95.9 %, ResNet 94.6 %, on validation images; 73 of 75
test images right with VGG-16.

Cost: 80 epochs x 300 images, of which only the dense layers learn.

Command:
screening train run soares2020-vgg16 --data manifest.csv --backbone-weights vgg16.h5

Deviations:
- Split by patient and duplicates; the paper drew images.
- The text says 10 % for test and 75 of 375 images, which is 20 %. The plain protocols hold out
  80/10/10; variants with -80-20 (the fifth is validated on and is the test) and -60-20-20 read the
  75 images.
- "ResNet" is ResNet50. The dense layers are not described: 256 units with ReLU, dropout 0.5,
  softmax, after each network's own way of closing (VGG-16 flattens, the others average).
- Layers that the weight files do not give are not frozen, since they would stay random.
- Values are 0 to 1, as nothing is said; the last epoch counts, for the same reason.
"""

from collections.abc import Mapping
from dataclasses import replace

from training.data.manifest import Label
from training.protocols.protocol import (
    ExpectedFigure,
    GroupHoldout,
    LearningLayers,
    OptimizerName,
    Protocol,
    Stratum,
)

KERMANY = ("kermany",)

VGG16 = Protocol(
    name="soares2020-vgg16",
    paper="Soares and Soares 2020",
    architecture="soares_vgg16",
    classes=("covid19", "pneumonia", "normal"),
    strata=(
        Stratum(
            klass="covid19", labels=frozenset({Label.COVID19}), sources=("ieee8023",), at_most=175
        ),
        Stratum(
            klass="pneumonia",
            labels=frozenset({Label.BACTERIAL, Label.VIRAL_OTHER}),
            sources=KERMANY,
            at_most=100,
        ),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL}), sources=KERMANY, at_most=100),
    ),
    split=GroupHoldout(train=0.8, validation=0.1, test=0.1),
    height=237,
    width=237,
    optimizer=OptimizerName.ADAM,
    learning_rate=1e-3,
    batch_size=15,
    epochs=80,
    learning=LearningLayers.HEAD,
    backbones=("VGG-16",),
    expected=(ExpectedFigure("overall accuracy", 97.3),),
)
XCEPTION = replace(
    VGG16,
    name="soares2020-xception",
    architecture="soares_xception",
    backbones=("Xception",),
    expected=(ExpectedFigure("overall accuracy", 95.9),),
)
RESNET50 = replace(
    VGG16,
    name="soares2020-resnet50",
    architecture="soares_resnet50",
    backbones=("ResNet50",),
    expected=(ExpectedFigure("overall accuracy", 94.6),),
)
SPLIT_VARIANTS: Mapping[str, GroupHoldout] = {
    "": GroupHoldout(train=0.8, validation=0.1, test=0.1),
    "-80-20": GroupHoldout(train=0.8, validation=0.2, test=0.0),
    "-60-20-20": GroupHoldout(train=0.6, validation=0.2, test=0.2),
}
SOARES2020 = tuple(
    replace(network, name=network.name + suffix, split=split)
    for network in (VGG16, XCEPTION, RESNET50)
    for suffix, split in SPLIT_VARIANTS.items()
)
