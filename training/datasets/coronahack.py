"""CoronaHack Chest X-Ray data set: Kermany's children, with early COVID-19 adults of ieee8023.

Layout: `Chest_xray_Corona_Metadata.csv` (X_ray_image_name, Label, Dataset_type,
Label_1_Virus_category, Label_2_Virus_category) beside folders `train` and `test`, at any depth.
Expected: 5,910 rows: 1,576 Normal and 4,334 "Pnemonia" (sic): 2,777 bacteria, 1,555 Virus (58 of
them COVID-19, all in TRAIN; 4 SARS), 2 Stress-Smoking, which has no class of ours.
Labels: those of Kermany and of ieee8023 at the time, copied; views are not recorded and some
COVID-19 images are lateral or CT slices. Nearly every image is in those two sets as well: scan
them together, so that copies are found and share one split group. Persons are read from the names
that came from Kermany.
Citation: Govindaraj 2020, Kaggle praveengovi/coronahack-chest-xraydataset, after Kermany et al.
2018, Cell 172:1122, and Cohen et al. 2020, arXiv:2003.11597.
Licence: CC BY 4.0 for most images (Kermany), per image for those of ieee8023.
"""

from pathlib import Path

from training.data.manifest import Label, View
from training.datasets.kermany import person_of
from training.datasets.listing import (
    DataSet,
    ListedImage,
    Listing,
    Reason,
    SetAside,
    images_below,
    listing_of,
)
from training.datasets.table import Cells, read_table

SOURCE = "coronahack"
TABLE = "Chest_xray_Corona_Metadata.csv"
LICENCE = "CC BY 4.0 (Kermany) or per image (ieee8023)"
COLUMNS = (
    "X_ray_image_name",
    "Label",
    "Dataset_type",
    "Label_1_Virus_category",
    "Label_2_Virus_category",
)
LABEL_OF_CATEGORIES = {
    ("normal", "", ""): Label.NORMAL,
    ("pnemonia", "bacteria", ""): Label.BACTERIAL,
    ("pnemonia", "bacteria", "streptococcus"): Label.BACTERIAL,
    ("pnemonia", "virus", ""): Label.VIRAL_OTHER,
    ("pnemonia", "virus", "sars"): Label.VIRAL_OTHER,
    ("pnemonia", "virus", "covid-19"): Label.COVID19,
    ("pnemonia", "", ""): Label.PNEUMONIA_OTHER,
}
"""By Label, Label_1 and Label_2, lower-case."""
ABSENT = frozenset({"", "nan", "null"})


def recognises(root: Path) -> bool:
    """Return whether the table is there."""
    return (root / TABLE).is_file()


def list_images(root: Path) -> Listing:
    """Return every row of the table, and the images that it does not name."""
    rows = read_table(root / TABLE, COLUMNS)
    images = {(path.parent.name.lower(), path.name): path for path in images_below(root)}
    found = [_image(root, images, cells) for cells in rows]
    listed = {each.path for each in found}
    found.extend(
        SetAside(path, SOURCE, Reason.UNLISTED) for path in images.values() if path not in listed
    )
    return listing_of(found)


def _image(root: Path, images: dict[tuple[str, str], Path], cells: Cells) -> ListedImage | SetAside:
    name, part = cells["x_ray_image_name"], cells["dataset_type"].lower()
    path = images.get((part, name), root / part / name)
    categories = (cells["label"], cells["label_1_virus_category"], cells["label_2_virus_category"])
    words = tuple("" if word.lower() in ABSENT else word.lower() for word in categories)
    label = LABEL_OF_CATEGORIES.get((words[0], words[1], words[2]))
    if label is None:
        return SetAside(path, SOURCE, Reason.NO_CLASS, " / ".join(filter(None, categories)))
    person = person_of(name)
    return ListedImage(
        path=path,
        source=SOURCE,
        label=label,
        view=View.AP if person else View.UNKNOWN,
        patient_id=person,
        published_split=part,
        licence=LICENCE,
    )


DATA_SET = DataSet(
    name=SOURCE,
    layout=f"{TABLE} beside train/ and test/",
    recognises=recognises,
    list_images=list_images,
)
