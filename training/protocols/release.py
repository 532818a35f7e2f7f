"""The released ensemble: the two papers' networks, trained so as not to learn the hospital.

Citation: none; networks and input sizes are those of rahimzadeh2020 and khan2020.

Data: every image of a manifest that names COVID-19, normals and pneumonias of children and adults
from several sources; made for ieee8023 covid-chestxray, COVID-CXNet, NIH ChestX-ray8 and Kermany's
chest_xray together. 68 % of the split groups train, 12 % choose calibration and thresholds, 20 %
are the test that neither ever sees; both members share the split.

Expected: COVID-19 sensitivity 96 % at 99 % specificity, three classes of adults 84 %, CoroNet's
four classes 88 %; the model card has what was measured.

Cost: 48 thousand images seen by CoroNet, 21 thousand by the concatenated network; with --precision
mixed_bfloat16 about 45 and 70 minutes on two cores that compute bfloat16. Version 3's
CoroNet has seen 20 thousand more.

Commands, with the folder that `screening train lung-field` made:
screening train run release-coronet --data manifest.csv --lung-field lung
    --backbone-weights xception.npz --precision mixed_bfloat16
screening train run release-concatenated --data manifest.csv --lung-field lung
    --backbone-weights runs/release-coronet/fold-1/weights.npz
    --backbone-weights resnet50v2.npz --precision mixed_bfloat16
and from version 2 to version 3:
screening train run release-coronet --data manifest.csv --lung-field lung --epochs 10
    --from-bundle covid19-cxr-2 --precision mixed_bfloat16
screening train run release-concatenated --data manifest.csv --lung-field lung --epochs 0
    --from-bundle covid19-cxr-2

Deviations from the papers:
- Both networks see the crop of the lung field, since borders, markers and collimation tell the
  hospital; decision 0009 says what this and other means brought.
- Input from -1 to 1, which the ImageNet weights expect, instead of 0 to 1.
- Each epoch draws anew: adults' normals and pneumonias nearly as often as COVID-19, or being adult
  would be the sign of COVID-19; sources within a stratum by the root of their number.
- Batch normalisations that came with ImageNet weights keep them: with batches of 16 drawn from
  mixed hospitals their own statistics lag, and are a way to tell the hospital.
- A pneumonia of unknown kind teaches CoroNet that bacterial and viral add up to much.
- The first blocks, which see edges, stay as ImageNet left them; in the concatenated network, whose
  Xception has been to school already, the first eight as CoroNet left them.
- The concatenated network's Xception starts as CoroNet's, trained on the same split; the released
  one's as CoroNet's was after nine epochs.
- Both see 64 x 64 pixels enlarged to their input: what is finer tells the hospital, and at
  hospitals that they never saw both score better without. Versions 1 to 3 saw all detail, also in
  training; version 4 has version 3's weights.
- After training, normal is refitted within hospitals (`training.fit.refit_normal`). Version 4
  instead took half of normal's logarithm from COVID-19's (`screening.networks.against_normal`);
  versions 1 to 3 did neither.
- Test-time augmentation: CoroNet scores the inner nine tenths, too, which brought the concatenated
  network nothing. Mirror images, which versions 1 to 3 scored, bring neither anything at hospitals
  that they never saw.
- Black and white of seven in ten training images become another one's, of any class: NIH's
  normals are rendered less black than the collections of COVID-19. Versions 1 and 2 had none of
  this; version 3's CoroNet is version 2's after ten more epochs with it, its concatenated network
  that of version 2, which gained nothing from it.
- The first epochs of version 1 (CoroNet 9, concatenated 4) still drew all classes alike; figures
  are those of the weights, and a run from the beginning may differ.
- The rate falls as a cosine; the last epoch counts, so that validation images choose nothing but
  calibration.
"""

from dataclasses import replace

from screening.imaging.network_input.lung_field import View
from training.augmentation.appearance import AppearanceAugmentation
from training.augmentation.geometry import GeometricAugmentation
from training.data.manifest import Label
from training.protocols.protocol import (
    BalancedDraw,
    GroupHoldout,
    Loss,
    OptimizerName,
    Protocol,
    Schedule,
    Stratum,
)

NIH = ("nih",)
UNKNOWN_KIND = frozenset({Label.PNEUMONIA_OTHER, Label.FUNGAL})
APPEARANCE = AppearanceAugmentation(
    resize_chance=0.3,
    least_size=0.5,
    sharpen_chance=0.1,
    equalise_chance=0.0,
    gamma=0.4,
    contrast=0.3,
    shading_chance=0.3,
    noise=0.03,
    jpeg_chance=0.3,
    qualities=(25, 85),
    patches=1,
)
"""Of 300 rows; 150 rows lose more by the same."""

CORONET = Protocol(
    name="release-coronet",
    paper="the released ensemble",
    architecture="coronet",
    classes=("covid19", "bacterial_pneumonia", "viral_pneumonia", "normal"),
    strata=(
        Stratum(klass="covid19", labels=frozenset({Label.COVID19}), share=0.22),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL}), sources=NIH, share=0.14),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL}), share=0.14),
        Stratum(klass="bacterial_pneumonia", labels=frozenset({Label.BACTERIAL}), share=0.18),
        Stratum(klass="viral_pneumonia", labels=frozenset({Label.VIRAL_OTHER}), share=0.18),
        Stratum(klass="pneumonia", labels=UNKNOWN_KIND, share=0.14),
    ),
    coarser={"pneumonia": ("bacterial_pneumonia", "viral_pneumonia")},
    split=GroupHoldout(train=0.68, validation=0.12, test=0.20),
    height=150,
    width=150,
    value_range=(-1.0, 1.0),
    view=View.LUNG_FIELD,
    inner=0.9,
    detail_pixels=64,
    optimizer=OptimizerName.ADAM,
    learning_rate=2e-4,
    schedule=Schedule.COSINE,
    batch_size=16,
    epochs=24,
    loss=Loss.PARTIAL_LABEL,
    augmentation=GeometricAugmentation(
        horizontal_flip=True, rotation_degrees=10.0, zoom=0.12, shift=0.06, shear=0.08
    ),
    appearance=replace(APPEARANCE, least_size=0.7, noise=0.02, qualities=(40, 90)),
    levels_chance=0.7,
    draw=BalancedDraw(images_per_epoch=2000),
    keeps_statistics=True,
    frozen=("block1_", "block2_", "block3_", "block4_"),
    watched_per_class=60,
    backbones=("Xception",),
)


CONCATENATED = replace(
    CORONET,
    name="release-concatenated",
    architecture="concatenated",
    inner=None,
    classes=("covid19", "pneumonia", "normal"),
    strata=tuple(
        replace(stratum, klass=klass, share=share)
        for stratum, (klass, share) in zip(
            CORONET.strata,
            (
                ("covid19", 0.28),
                ("normal", 0.20),
                ("normal", 0.12),
                ("pneumonia", 0.09),
                ("pneumonia", 0.09),
                ("pneumonia", 0.22),
            ),
            strict=True,
        )
    ),
    coarser={},
    loss=Loss.CATEGORICAL_CROSSENTROPY,
    height=300,
    width=300,
    appearance=APPEARANCE,
    learning_rate=1e-4,
    epochs=14,
    draw=BalancedDraw(images_per_epoch=1500),
    frozen=(*(f"block{number}_" for number in range(1, 9)), "conv1_", "conv2_", "conv3_"),
    watched_per_class=40,
    backbones=("Xception", "ResNet50V2"),
)
RELEASE = (CORONET, CONCATENATED)
