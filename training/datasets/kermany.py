"""Kermany chest_xray: radiographs of children, with bacterial, viral or no pneumonia.

Layout: `train`, `val`, `test`, each with `NORMAL` and `PNEUMONIA`; `person12_bacteria_45.jpeg` and
`person12_virus_45.jpeg` name kind and person, `IM-0115-0001.jpeg` and
`NORMAL2-IM-0927-0001.jpeg` a normal one.
Expected: 5,856 images: train 5,216 (1,341 normal, 2,530 bacterial, 1,345 viral), test 624 (234,
242, 148), val 16 (8, 8, 0).
Labels: two physicians graded each image, a third checked the test part; bacterial and viral are
from the clinic, and hard to tell apart on a radiograph. All AP, of children of one to five years
in Guangzhou: an ensemble that learns "child" from them learns "not COVID-19". The published parts
share persons, and a number is reused for a bacterial and a viral image: here it is one person.
Citation: Kermany et al. 2018, Cell 172:1122; Mendeley Data rscbjbr9sj.
Licence: CC BY 4.0.
"""

import re
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

SOURCE = "kermany"
LICENCE = "CC BY 4.0"
PARTS = ("train", "val", "test")
PNEUMONIA_NAME = re.compile(r"(person\d+)_(bacteria|virus)_")
NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)-")
LABEL_OF_WORD = {"bacteria": Label.BACTERIAL, "virus": Label.VIRAL_OTHER}


def recognises(root: Path) -> bool:
    """Return whether both class folders are there, at most two folders deep, with such names."""
    return any(
        (folder / "NORMAL").is_dir()
        and any(PNEUMONIA_NAME.match(path.name) for path in (folder / "PNEUMONIA").glob("person*"))
        for folder in (root, *root.glob("*/"), *root.glob("*/*/"))
    )


def list_images(root: Path) -> Listing:
    """Return every image below the class folders."""
    return listing_of([_image(root, path) for path in images_below(root)])


def person_of(name: str) -> str:
    """Return the patient id that a file's name tells, "" where it tells none."""
    match = PNEUMONIA_NAME.match(name) or NORMAL_NAME.match(name)
    return f"{SOURCE}:{match[1]}" if match else ""


def _image(root: Path, path: Path) -> ListedImage | SetAside:
    folders = path.relative_to(root).parts[:-1]
    pneumonia = PNEUMONIA_NAME.match(path.name)
    if "NORMAL" in folders and not pneumonia:
        label = Label.NORMAL
    elif "PNEUMONIA" in folders and pneumonia:
        label = LABEL_OF_WORD[pneumonia[2]]
    elif {"NORMAL", "PNEUMONIA"} & {*folders}:
        return SetAside(
            path, SOURCE, Reason.LABEL_CONFLICT, "the folder and the file's name disagree"
        )
    else:
        return SetAside(path, SOURCE, Reason.UNLISTED, "in neither NORMAL nor PNEUMONIA")
    return ListedImage(
        path=path,
        source=SOURCE,
        label=label,
        view=View.AP,
        patient_id=person_of(path.name),
        published_split=next((part for part in PARTS if part in folders), ""),
        licence=LICENCE,
    )


DATA_SET = DataSet(
    name=SOURCE,
    layout="train, val, test with NORMAL/ and PNEUMONIA/, person12_bacteria_45.jpeg",
    recognises=recognises,
    list_images=list_images,
)
