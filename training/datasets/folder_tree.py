"""A tree with one folder per class: what hospitals and many public collections hand out.

Layout: folders named as a class (`covid19`, `COVID-19`, `normal`, `viral pneumonia` ...; case,
blanks and hyphens do not matter), directly or below `train`, `val`, `test`; images and DICOM
objects at any depth below.
Expected: whatever is there; a folder of another name is reported.
Labels: the folder's name, of unknown origin; patients are unknown, so that each image is its own
patient: group by near duplicates, or add patients to the manifest by hand, before believing a
figure. The source is the name of the scanned folder.
Citation and licence: the owner's.
"""

from collections.abc import Mapping
from pathlib import Path

from training.data.manifest import Label, View
from training.datasets.listing import (
    DataSet,
    ListedImage,
    Listing,
    Reason,
    SetAside,
    images_below,
    listing_of,
)

LABEL_OF_FOLDER: Mapping[str, Label] = {
    "covid19": Label.COVID19,
    "covid": Label.COVID19,
    "normal": Label.NORMAL,
    "nofinding": Label.NORMAL,
    "nofindings": Label.NORMAL,
    "bacterial": Label.BACTERIAL,
    "bacterialpneumonia": Label.BACTERIAL,
    "pneumoniabacterial": Label.BACTERIAL,
    "viral": Label.VIRAL_OTHER,
    "viralother": Label.VIRAL_OTHER,
    "viralpneumonia": Label.VIRAL_OTHER,
    "pneumoniaviral": Label.VIRAL_OTHER,
    "fungal": Label.FUNGAL,
    "fungalpneumonia": Label.FUNGAL,
    "pneumonia": Label.PNEUMONIA_OTHER,
    "pneumoniaother": Label.PNEUMONIA_OTHER,
    "lungopacity": Label.PNEUMONIA_OTHER,
    "tuberculosis": Label.TUBERCULOSIS,
    "tb": Label.TUBERCULOSIS,
    "otherabnormal": Label.OTHER_ABNORMAL,
    "abnormal": Label.OTHER_ABNORMAL,
}
"""By the folder's name in lower case without blanks, hyphens and underscores."""
PARTS = ("train", "val", "validation", "test")


def recognises(root: Path) -> bool:
    """Return whether a folder below, or below a published part, is named as a class."""
    below = [root, *(root / part for part in PARTS)]
    return any(_label(path.name) for folder in below for path in folder.glob("*/"))


def list_images(root: Path) -> Listing:
    """Return every image; those below no class folder are set aside."""
    return listing_of([_image(root, path) for path in images_below(root)])


def _label(name: str) -> Label | None:
    return LABEL_OF_FOLDER.get(name.lower().translate(str.maketrans("", "", " -_")))


def _image(root: Path, path: Path) -> ListedImage | SetAside:
    source, folders = root.resolve().name, path.relative_to(root).parts[:-1]
    label = next(filter(None, map(_label, folders)), None)
    if label is None:
        return SetAside(path, source, Reason.NO_CLASS, f"in folder {'/'.join(folders) or '.'}")
    return ListedImage(
        path=path,
        source=source,
        label=label,
        view=View.UNKNOWN,
        published_split=next((part for part in PARTS if part in folders), ""),
    )


DATA_SET = DataSet(
    name="folder tree",
    layout=f"one folder per class: {', '.join(Label)}",
    recognises=recognises,
    list_images=list_images,
)
