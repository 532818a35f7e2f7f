"""Every network that a protocol may name."""

from collections.abc import Mapping

from screening.networks.architectures import ARCHITECTURES, Architecture
from screening.networks.coronet import build_coronet
from training.networks.frozen_backbone import (
    build_amini_vgg19,
    build_soares_resnet50,
    build_soares_vgg16,
    build_soares_xception,
)
from training.networks.single_backbone import build_resnet50v2, build_xception

_RAHIMZADEH = "Rahimzadeh and Attar 2020, section 2.3 and table 2"
_KHAN = "Khan, Shah and Bhat 2020, CoroNet, implementation and training"
_SOARES = "Soares and Soares 2020, Automatic detection of COVID-19 cases on X-ray images, section 3"
_AMINI = "Amini, Menhaj and Talebi 2021, A modified CNN-based Covid-19 detection using CXR"

_THREE = ("covid19", "pneumonia", "normal")

TRAINING_ARCHITECTURES: Mapping[str, Architecture] = {
    **ARCHITECTURES,
    "xception": Architecture(build_xception, 300, 300, _THREE, 21_475_883, _RAHIMZADEH),
    "resnet50v2": Architecture(build_resnet50v2, 300, 300, _THREE, 24_179_203, _RAHIMZADEH),
    "coronet_3": Architecture(build_coronet, 150, 150, _THREE, 33_969_707, _KHAN),
    "coronet_2": Architecture(build_coronet, 150, 150, ("covid19", "normal"), 33_969_450, _KHAN),
    "soares_vgg16": Architecture(build_soares_vgg16, 237, 237, _THREE, 21_138_243, _SOARES),
    "soares_xception": Architecture(build_soares_xception, 237, 237, _THREE, 21_386_795, _SOARES),
    "soares_resnet50": Architecture(build_soares_resnet50, 237, 237, _THREE, 24_113_027, _SOARES),
    "amini_vgg19": Architecture(build_amini_vgg19, 224, 224, ("covid19",), 26_447_425, _AMINI),
}
"""By name; `parameters` is counted at this size and number of classes."""
