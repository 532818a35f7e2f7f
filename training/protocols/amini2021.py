"""Amini, Menhaj and Talebi 2021: VGG-19 with frozen convolutions scores COVID-19.

Citation: M. H. Amini, M. B. Menhaj, H. A. Talebi, A modified CNN-based Covid-19 detection using
CXR, Archives of Community Medicine and Public Health 7(2) (2021) 142-145.

Data: ieee8023 covid-chestxray and the CoronaHack collection, COVID-19 against everything else:
4,718 training images (330 COVID-19) and 1,152 test images (73 COVID-19).

Expected: accuracy about 98 % on the test images.

Cost: 10 epochs x 4,718 images, of which only the dense layers learn.

Command:
screening train run amini2021-vgg19 --data manifest.csv --backbone-weights vgg19.h5

Deviations:
- Split by patient and duplicates; the paper does not say that it did. A tenth is validation, so
  that the test images are scored once; the paper has none.
- The text as given lacks its table of training details: Adam 1e-4, batch 32, 224 x 224 pixels and
  256 hidden units are our choice.
- The optional random jittering is not described and not done.
- Layers that the weight files do not give are not frozen, since they would stay random.
"""

from training.data.manifest import Label
from training.protocols.protocol import (
    ExpectedFigure,
    GroupHoldout,
    LearningLayers,
    Loss,
    OptimizerName,
    Protocol,
    Stratum,
)

SOURCES = ("ieee8023", "coronahack", "kermany")
"""CoronaHack's images of other diseases and its normals are Kermany's."""
TEST_SHARE = 1152 / 5870

VGG19 = Protocol(
    name="amini2021-vgg19",
    paper="Amini, Menhaj and Talebi 2021",
    architecture="amini_vgg19",
    classes=("covid19", "other"),
    strata=(
        Stratum(klass="covid19", labels=frozenset({Label.COVID19}), sources=SOURCES, at_most=403),
        Stratum(
            klass="other",
            labels=frozenset(Label) - {Label.COVID19},
            sources=SOURCES,
            at_most=5467,
        ),
    ),
    split=GroupHoldout(train=0.9 - TEST_SHARE, validation=0.1, test=TEST_SHARE),
    height=224,
    width=224,
    optimizer=OptimizerName.ADAM,
    learning_rate=1e-4,
    batch_size=32,
    epochs=10,
    loss=Loss.BINARY_CROSSENTROPY,
    learning=LearningLayers.HEAD,
    backbones=("VGG-19",),
    expected=(ExpectedFigure("overall accuracy", 98.0),),
)
AMINI2021 = (VGG19,)
