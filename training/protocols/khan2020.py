"""Khan, Shah and Bhat 2020: CoroNet, Xception with two dense layers, for 4, 3 and 2 classes.

Citation: A. I. Khan, J. L. Shah, M. M. Bhat, CoroNet: A deep neural network for detection and
diagnosis of COVID-19 from chest x-ray images, Computer Methods and Programs in Biomedicine 196
(2020) 105581.

Data: COVID-19 284 images of ieee8023 covid-chestxray; normal 310, bacterial pneumonia 330, viral
pneumonia 327 of Kermany's chest_xray, under-sampled at random. Dataset-2: the same COVID-19 images
with 500 normals and 500 pneumonias of NIH ChestX-ray8.

Expected (mean of four folds, table V): accuracy 4 classes 89.6 %, 3 classes 95 %, binary 99 %;
4 classes: COVID-19 precision 93.17 %, recall 98.25 % (table IV); Dataset-2 90.21 %.

Cost: 4 folds x 80 epochs x 938 images = 300 thousand images seen for the 4-class network.

Commands:
screening train run khan2020-4class --data manifest.csv --backbone-weights xception.h5 --out four
screening train run khan2020-3class --data manifest.csv --from four
and so khan2020-binary and khan2020-dataset2.

Deviations:
- 150 x 150 pixels: the text's 224 x 224 contradicts table II (5 x 5 x 2048 and 33,969,964
  parameters hold for 150 x 150), and the authors' code uses 150 x 150.
- Folds by patient and duplicates; the paper does not say that it did.
- Fine-tuning is described in one sentence. Here the 3-class and binary networks take all weights
  of the same fold's 4-class network but the last layer's, and train the two dense layers for 20
  epochs; on Dataset-2, other hospitals and adults, every layer learns for 20 epochs.
- Fine-tuned networks have the folds of the 4-class network, so that nothing is validated on that
  the start weights were trained on; therefore Dataset-2 is trained with all of its COVID-19 images
  rather than 157 of them.
- Binary is COVID-19 against normal, as in the works the paper compares itself with in table VII.
- Bacterial and viral pneumonia are added up to one class in the 3-class network.
- No checkpoint rule is given: the last epoch counts. No augmentation is mentioned, none is done.
"""

from dataclasses import replace

from training.data.manifest import Label
from training.protocols.protocol import (
    ExpectedFigure,
    GroupFolds,
    LearningLayers,
    OptimizerName,
    Protocol,
    Stratum,
)

KERMANY = ("kermany",)
COVID19 = Stratum(
    klass="covid19", labels=frozenset({Label.COVID19}), sources=("ieee8023",), at_most=284
)
NORMAL = Stratum(klass="normal", labels=frozenset({Label.NORMAL}), sources=KERMANY, at_most=310)
BACTERIAL = Stratum(
    klass="bacterial_pneumonia",
    labels=frozenset({Label.BACTERIAL}),
    sources=KERMANY,
    at_most=330,
)
VIRAL = Stratum(
    klass="viral_pneumonia",
    labels=frozenset({Label.VIRAL_OTHER}),
    sources=KERMANY,
    at_most=327,
)
NIH = ("nih",)
FINE_TUNING_EPOCHS = 20

FOUR_CLASSES = Protocol(
    name="khan2020-4class",
    paper="Khan, Shah and Bhat 2020",
    architecture="coronet",
    classes=("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal"),
    strata=(COVID19, NORMAL, BACTERIAL, VIRAL),
    split=GroupFolds(folds=4),
    height=150,
    width=150,
    optimizer=OptimizerName.ADAM,
    learning_rate=1e-4,
    batch_size=10,
    epochs=80,
    backbones=("Xception",),
    expected=(
        ExpectedFigure("overall accuracy", 89.6),
        ExpectedFigure("COVID-19 precision", 93.17),
        ExpectedFigure("COVID-19 sensitivity", 98.25),
    ),
)
THREE_CLASSES = replace(
    FOUR_CLASSES,
    name="khan2020-3class",
    architecture="coronet_3",
    classes=("covid19", "pneumonia", "normal"),
    strata=(
        COVID19,
        NORMAL,
        replace(BACTERIAL, klass="pneumonia"),
        replace(VIRAL, klass="pneumonia"),
    ),
    epochs=FINE_TUNING_EPOCHS,
    learning=LearningLayers.HEAD,
    fine_tune_from=FOUR_CLASSES.name,
    backbones=(),
    expected=(ExpectedFigure("overall accuracy", 95.0),),
)
BINARY = replace(
    THREE_CLASSES,
    name="khan2020-binary",
    architecture="coronet_2",
    classes=("covid19", "normal"),
    strata=(COVID19, NORMAL, replace(BACTERIAL, klass=None), replace(VIRAL, klass=None)),
    expected=(ExpectedFigure("overall accuracy", 99.0),),
)
DATASET_2 = replace(
    THREE_CLASSES,
    name="khan2020-dataset2",
    strata=(
        COVID19,
        replace(NORMAL, klass=None),
        replace(BACTERIAL, klass=None),
        replace(VIRAL, klass=None),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL}), sources=NIH, at_most=500),
        Stratum(
            klass="pneumonia",
            labels=frozenset({Label.PNEUMONIA_OTHER, Label.BACTERIAL, Label.VIRAL_OTHER}),
            sources=NIH,
            at_most=500,
        ),
    ),
    learning=LearningLayers.ALL,
    expected=(ExpectedFigure("overall accuracy", 90.21),),
)
KHAN2020 = (FOUR_CLASSES, THREE_CLASSES, BINARY, DATASET_2)
