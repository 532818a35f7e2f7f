"""RSNA Pneumonia Detection Challenge, stage 2: adult radiographs out of NIH ChestX-ray14.

Layout: `stage_2_train_labels.csv` (patientId, x, y, width, height, Target; one row per box),
`stage_2_detailed_class_info.csv` (patientId, class) and `stage_2_train_images/<patientId>.dcm`.
The unlabelled `stage_2_test_images` are not read.
Expected: 26,684 images: 8,851 Normal, 6,012 Lung Opacity, 11,821 No Lung Opacity / Not Normal. The
first two are rahimzadeh2020's normal and pneumonia; the third is neither.
Labels: boxes drawn by radiologists (18, of RSNA and STR), who saw the image alone: an opacity
suspicious for pneumonia, not a proven pneumonia. View position and age stand in the DICOM header.
`patientId` names an image: the same NIH patient may hide behind several, which only a published
mapping would reveal, so that splits of this set may share patients.
Citation: Shih et al. 2019, Radiology: AI 1(1):e180041; Wang et al. 2017, CVPR (ChestX-ray8).
Licence: the challenge's terms of use; images NIH, free of restriction, attribution requested.
"""

from pathlib import Path

from training.data.manifest import Label, View
from training.datasets.listing import (
    DataSet,
    ListedImage,
    Listing,
    Reason,
    SetAside,
    listing_of,
    unlisted,
)
from training.datasets.table import read_table
from training.errors import DataError

SOURCE = "rsna"
BOXES = "stage_2_train_labels.csv"
CLASSES = "stage_2_detailed_class_info.csv"
IMAGES = "stage_2_train_images"
LICENCE = "RSNA challenge terms of use; NIH ChestX-ray8, attribution requested"
LABEL_OF_CLASS = {
    "Normal": Label.NORMAL,
    "Lung Opacity": Label.PNEUMONIA_OTHER,
    "No Lung Opacity / Not Normal": Label.OTHER_ABNORMAL,
}


def recognises(root: Path) -> bool:
    """Return whether the challenge's table of boxes is there."""
    return (root / BOXES).is_file()


def list_images(root: Path) -> Listing:
    """Return every image of the two tables, once.

    Raises DataError where a table is absent or damaged, or they contradict each other.
    """
    classes = {
        cells["patientid"]: cells["class"]
        for cells in read_table(root / CLASSES, ("patientId", "class"))
    }
    boxed = {
        cells["patientid"]: cells["target"] == "1"
        for cells in read_table(root / BOXES, ("patientId", "Target"))
    }
    _check_agreement(root, classes, boxed)
    found = [_image(root, image_id, name) for image_id, name in classes.items()]
    found.extend(unlisted(root / IMAGES, SOURCE, [each.path for each in found]))
    return listing_of(found)


def _check_agreement(root: Path, classes: dict[str, str], boxed: dict[str, bool]) -> None:
    opaque = {image_id: name == "Lung Opacity" for image_id, name in classes.items()}
    if opaque != boxed:
        differing = len(opaque.items() ^ boxed.items())
        raise DataError(
            f"{BOXES} and {CLASSES} in {root} differ in {differing} image(s) or targets; "
            "take both from the same stage of the challenge"
        )


def _image(root: Path, image_id: str, name: str) -> ListedImage | SetAside:
    path = root / IMAGES / f"{image_id}.dcm"
    if name not in LABEL_OF_CLASS:
        return SetAside(path, SOURCE, Reason.NO_CLASS, name)
    return ListedImage(
        path=path,
        source=SOURCE,
        label=LABEL_OF_CLASS[name],
        view=View.UNKNOWN,
        patient_id=f"{SOURCE}:{image_id}",
        licence=LICENCE,
        note=name,
    )


DATA_SET = DataSet(
    name=SOURCE,
    layout=f"{BOXES}, {CLASSES} and {IMAGES}/",
    recognises=recognises,
    list_images=list_images,
)
