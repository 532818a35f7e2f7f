"""The released ensemble's recipe for hospitals that it never saw.

Citation: none; networks and input sizes are those of rahimzadeh2020 and khan2020. Pairs and terms
have their sources in `training.inputs.hospital_pairs` and `training.fit.objective`, the mean of
weights in `training.fit.weight_averaging`.

Data: a manifest of both development packs, or a pack of its crops. Adults' normals come from NIH
and from Pakistan, abnormal adults without COVID-19 from five places, some of them the same.

Expected: on hospitals left out, COVID-19 against normal 0.90 (mean of areas), none below 0.80;
abnormal against normal 0.85. `docs/experiments` has what was measured.

Cost: on one recent GPU a few minutes for each network; on two cores CoroNet 0.1 s and the
concatenated network 0.5 s an image and step, less with the lower blocks' features cached (see
`docs/training.md`).

Commands, from the folder that `screening train pack` made:
screening train run unseen-coronet --data pack --backbone-weights xception.npz
screening train run unseen-concatenated --data pack --backbone-weights resnet50v2.npz
    --backbone-weights runs/unseen-coronet/fold-1/weights.npz
and each again with --leave-out HOSPITAL, for `screening train evaluate --leave-out-hospital`.

Deviations from the papers:
- What release-coronet's and release-concatenated's passports say of crop, input and draws holds
  here, too, but for what follows.
- Every layer learns: what ImageNet's lower blocks give is not enough at an unseen hospital.
- Images are drawn in pairs of two classes, of one hospital where it has two, so that within a batch
  each hospital shows at least two classes if it has them.
- Tuberculosis and other findings are partial labels: neither COVID-19 nor normal, so that their
  loss is the negative logarithm of what is left, which is all of pneumonia. A training-only output
  for them would have left the three released outputs free to call them normal.
- An auxiliary output predicts many findings, in training alone, where labels or notes name them.
- Black and white, and the sharpness, of many training images become another one's, of any
  hospital.
- The mean of the weights after each epoch of the second half counts, or, with --stop-by, the epoch
  that is best at that hospital; the pooled loss chooses nothing.
"""

from dataclasses import replace

from training.data.manifest import ABNORMAL, Label
from training.protocols.loss_terms import Terms
from training.protocols.protocol import BalancedDraw, KeptWeights, Loss, Stratum
from training.protocols.release import CONCATENATED as RELEASED_CONCATENATED
from training.protocols.release import CORONET as RELEASED_CORONET
from training.protocols.release import UNKNOWN_KIND

CHILDREN = ("kermany",)
NO_CLASS = frozenset({Label.TUBERCULOSIS, Label.OTHER_ABNORMAL})


def _strata(bacterial: str, viral: str) -> tuple[Stratum, ...]:
    """Return the strata; shares are those of a pair's first, which the second evens out."""
    return (
        Stratum(klass="covid19", labels=frozenset({Label.COVID19}), share=0.44),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL}), sources=CHILDREN, share=0.04),
        Stratum(klass="normal", labels=frozenset({Label.NORMAL}), share=0.20),
        Stratum(klass=bacterial, labels=frozenset({Label.BACTERIAL}), share=0.06),
        Stratum(klass=viral, labels=frozenset({Label.VIRAL_OTHER}), share=0.06),
        Stratum(klass="pneumonia", labels=UNKNOWN_KIND, share=0.08),
        Stratum(klass=ABNORMAL, labels=NO_CLASS, share=0.12),
    )


CORONET = replace(
    RELEASED_CORONET,
    name="unseen-coronet",
    strata=_strata("bacterial_pneumonia", "viral_pneumonia"),
    coarser={
        "pneumonia": ("bacterial_pneumonia", "viral_pneumonia"),
        ABNORMAL: ("bacterial_pneumonia", "viral_pneumonia"),
    },
    batch_size=64,
    epochs=20,
    draw=BalancedDraw(images_per_epoch=6400, hospital_pairs=True),
    levels_chance=0.7,
    spectrum_chance=0.3,
    terms=Terms(findings=0.3),
    frozen=(),
    kept=KeptWeights.MEAN_OF_EPOCHS,
)
CONCATENATED = replace(
    RELEASED_CONCATENATED,
    name="unseen-concatenated",
    strata=_strata("pneumonia", "pneumonia"),
    coarser={ABNORMAL: ("pneumonia",)},
    loss=Loss.PARTIAL_LABEL,
    batch_size=32,
    epochs=14,
    draw=BalancedDraw(images_per_epoch=4800, hospital_pairs=True),
    levels_chance=0.7,
    spectrum_chance=0.3,
    terms=Terms(findings=0.3),
    frozen=(),
    kept=KeptWeights.MEAN_OF_EPOCHS,
)
UNSEEN = (CORONET, CONCATENATED)
