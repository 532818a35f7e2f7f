"""Rahimzadeh and Attar 2020: Xception and ResNet50V2 side by side, trained in eight phases.

Citation: M. Rahimzadeh, A. Attar, A modified deep convolutional neural network for detecting
COVID-19 and pneumonia from chest X-ray images based on the concatenation of Xception and
ResNet50V2, Informatics in Medicine Unlocked 19 (2020) 100360.

Data: COVID-19 180 and pneumonia 42 images of ieee8023 covid-chestxray; pneumonia 6,012 and normal
8,851 of the RSNA pneumonia challenge. Each of 5 folds trains on 149 COVID-19 (fold 3: 150), 34 + 8
x 200 pneumonias and 8 x 250 normals in 8 phases of 633 images (fold 3: 634), and is validated on
all the rest: 31 / 4,420 / 6,851.

Expected (mean of five folds, concatenated network): overall accuracy 91.40 %, COVID-19 accuracy
99.50 %, sensitivity 80.53 %, precision 35.27 %; `PROTOCOLS` has those of the single networks.

Cost: 5 folds x 8 phases x 100 epochs x 633 images = 2.5 million images seen per network.
`screening train run` measures a few steps and says the time on the machine at hand.

Command, for each of concatenated, xception and resnet50v2:
screening train run rahimzadeh2020-concatenated --data manifest.csv
    --backbone-weights xception.h5 --backbone-weights resnet50v2.h5

Deviations:
- Split by patient and duplicates; the paper does not say that it did. With one image per patient
  the numbers are the paper's exactly.
- The paper keeps the checkpoint of best validation accuracy; its authors watched a subset of at
  most 300 images a class after each epoch, and so do we. Figures are of all validation images.
- Each phase starts with a fresh optimizer on the weights of the last epoch before; the paper is
  silent on both.
- "Shift range 5 %" in table 2, beside width and height shift, is shear in the authors' code.
- Where a manifest has other numbers of images, shares are kept; `screening train run` says so.
"""

from dataclasses import replace

from training.augmentation.geometry import GeometricAugmentation
from training.data.manifest import Label
from training.protocols.protocol import (
    ExpectedFigure,
    KeptWeights,
    OptimizerName,
    PhasedFolds,
    Protocol,
    Stratum,
)

REPOSITORY = ("ieee8023",)
PNEUMONIAS = frozenset({Label.BACTERIAL, Label.VIRAL_OTHER, Label.FUNGAL, Label.PNEUMONIA_OTHER})

CONCATENATED = Protocol(
    name="rahimzadeh2020-concatenated",
    paper="Rahimzadeh and Attar 2020",
    architecture="concatenated",
    classes=("covid19", "pneumonia", "normal"),
    strata=(
        Stratum(klass="covid19", labels=frozenset({Label.COVID19}), sources=REPOSITORY),
        Stratum(klass="pneumonia", labels=PNEUMONIAS),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL})),
    ),
    split=PhasedFolds(
        folds=5,
        phases=8,
        repository=REPOSITORY,
        covid19_share=149 / 180,
        repository_pneumonia_share=34 / 42,
        normals_per_phase=250,
        pneumonias_per_phase=200,
        fold_with_one_more=3,
    ),
    height=300,
    width=300,
    optimizer=OptimizerName.NADAM,
    learning_rate=1e-4,
    batch_size=20,
    epochs=100,
    augmentation=GeometricAugmentation(
        horizontal_flip=True,
        vertical_flip=True,
        rotation_degrees=360.0,
        zoom=0.05,
        shift=0.05,
        shear=0.05,
    ),
    kept=KeptWeights.BEST_VALIDATION_ACCURACY,
    watched_per_class=300,
    backbones=("Xception", "ResNet50V2"),
    expected=(
        ExpectedFigure("overall accuracy", 91.40),
        ExpectedFigure("COVID-19 accuracy", 99.50),
        ExpectedFigure("COVID-19 sensitivity", 80.53),
        ExpectedFigure("COVID-19 precision", 35.27),
    ),
)
XCEPTION = replace(
    CONCATENATED,
    name="rahimzadeh2020-xception",
    architecture="xception",
    batch_size=30,
    backbones=("Xception",),
    expected=(
        ExpectedFigure("overall accuracy", 91.31),
        ExpectedFigure("COVID-19 accuracy", 99.48),
        ExpectedFigure("COVID-19 sensitivity", 73.35),
        ExpectedFigure("COVID-19 precision", 33.39),
    ),
)
RESNET50V2 = replace(
    XCEPTION,
    name="rahimzadeh2020-resnet50v2",
    architecture="resnet50v2",
    backbones=("ResNet50V2",),
    expected=(
        ExpectedFigure("overall accuracy", 89.79),
        ExpectedFigure("COVID-19 accuracy", 99.26),
        ExpectedFigure("COVID-19 sensitivity", 74.02),
        ExpectedFigure("COVID-19 precision", 24.09),
    ),
)
RAHIMZADEH2020 = (CONCATENATED, XCEPTION, RESNET50V2)
