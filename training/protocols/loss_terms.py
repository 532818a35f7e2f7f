"""The weight of each further loss term beside the classes' own loss."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Weights of what is added to the loss, 0 for none.

    classes: of the classes' own loss; 0 pre-trains on the others. findings: telling many findings
    apart (`training.data.findings`). adversary: telling no hospital from the features,
    among hospitals that have the image's class. contrast: like features for images of one class
    from different hospitals. variance: equal losses of all hospitals. worst: the loss of the
    hospitals where it is largest. matched: ranking each class above others within a hospital.
    """

    classes: float = 1.0
    findings: float = 0.0
    adversary: float = 0.0
    contrast: float = 0.0
    variance: float = 0.0
    worst: float = 0.0
    matched: float = 0.0
