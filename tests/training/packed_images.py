"""A few made images of several hospitals, packed, and small protocols that train on them."""

from dataclasses import replace
from pathlib import Path

from tests.training.data_manifests import rows_of, write_pictures
from training.data.manifest import Label, read_manifest
from training.inputs.make_crop_pack import PackRequest, make_pack
from training.protocols.protocol import BalancedDraw, GroupHoldout, Protocol
from training.protocols.registry import PROTOCOLS

SMALL = 64


def packed_site(folder: Path, lung_field: Path) -> Path:
    """Write images, their manifest and their pack; return the pack."""
    rows = [
        *rows_of("bimcv", Label.COVID19, 20),
        *rows_of("covid_cxnet", Label.COVID19, 20),
        *rows_of("ieee8023", Label.COVID19, 20),
        *rows_of("nih_cxr8", Label.NORMAL, 20),
        *rows_of("nih_cxr8", Label.PNEUMONIA_OTHER, 20),
        *rows_of("nih_cxr8", Label.OTHER_ABNORMAL, 12),
        *rows_of("pakistan_tb", Label.NORMAL, 20),
        *rows_of("pakistan_tb", Label.TUBERCULOSIS, 12),
        *rows_of("kermany224", Label.NORMAL, 12),
        *rows_of("kermany224", Label.BACTERIAL, 12),
        *rows_of("kermany224", Label.VIRAL_OTHER, 12),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_pictures(folder, rows)
    request = PackRequest(lung_field=lung_field, out=folder / "pack", side=SMALL)
    make_pack(read_manifest(folder / "manifest.csv"), request, lambda _images: None)
    return folder / "pack"


def small_protocol(name: str) -> Protocol:
    """Return a protocol of the unseen recipe, of few and small images."""
    return replace(
        PROTOCOLS[name],
        height=SMALL,
        width=SMALL,
        split=GroupHoldout(train=0.5, validation=0.3, test=0.2),
        batch_size=8,
        epochs=2,
        draw=BalancedDraw(images_per_epoch=16, hospital_pairs=True),
        watched_per_class=4,
        inner=None,
    )
