"""The development packs: frontal radiographs of public collections, at reduced size.

Layout: `manifest.csv` (file, source, label, view, patient_id, split_group, orig_split,
label_conflict, license, note ...; the second pack's also adult, hospital) beside one folder per
source.
Expected in the first: 5,922 8-bit grey JPEG images, short side 320 pixels (kermany224: 224 x 224 as
published): kermany224 3,988, nih_cxr8 852, covid_cxnet 431, ieee8023 343, kermany_native 305,
ozturk_covid 3; 3,583 split groups (patients, duplicates and near duplicates across sources), which
are kept. One row has labels in conflict and is set aside.
Expected in the second: 5,212 of the same kind, the kept groups being the first pack's where they
touch it: nih_cxr14 1,714, bimcv 1,656, nih_starter 583, tbdb 569, pakistan_tb 370, rsna 227,
ieee8023_late 84, policlinico 5, shenzhen 4; 15 have labels in conflict. Three sources were squashed
to a square, one by reduction, so that a network must see each crop of the lungs at one size.
Labels: as in the collections: ieee8023 and covid_cxnet from reports and captions, nih_cxr8
text-mined from reports (about one in ten wrong), Kermany graded by physicians; bimcv: a positive
PCR, lungs may look normal.
Citation: Cohen et al. 2020, arXiv:2006.11988; Haghanifar et al. 2022, Multimed Tools Appl
81:30615 (COVID-CXNet); Ozturk et al. 2020, Comput Biol Med 121:103792; Wang et al. 2017, CVPR
(ChestX-ray8); Kermany et al. 2018, Cell 172:1122; Vaya et al. 2020, arXiv:2006.01174 (BIMCV);
Shih et al. 2019, Radiol Artif Intell 1:e180041 (RSNA); Jaeger et al. 2014, Quant Imaging Med Surg
4:475 (Shenzhen, Montgomery).
Licence: by row (column license).
"""

from collections.abc import Mapping
from pathlib import Path

from training.data.hospitals import Adult
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
from training.datasets.table import Cells, has_columns, read_table
from training.errors import DataError

TABLE = "manifest.csv"
COLUMNS = ("file", "source", "label", "view", "patient_id", "split_group", "label_conflict")
VIEW_OF_WORD: Mapping[str, View] = {
    "PA": View.PA,
    "AP": View.AP,
    "AP Supine": View.AP_SUPINE,
    "AP (paediatric, per Kermany 2018)": View.AP,
    "frontal (PA/AP not recorded)": View.FRONTAL,
    "frontal per paper": View.FRONTAL,
    "unknown (frontal per README)": View.FRONTAL,
}


def recognises(root: Path) -> bool:
    """Return whether the pack's table is there (a data manifest of ours has other columns)."""
    return has_columns(root / TABLE, COLUMNS)


def list_images(root: Path) -> Listing:
    """Return every row of the table, and the images that it does not name.

    Raises DataError for a label, or a word on adults, that is none of ours.
    """
    found = [_image(root, cells) for cells in read_table(root / TABLE, COLUMNS)]
    found.extend(unlisted(root, root.resolve().name, [each.path for each in found]))
    return listing_of(found)


def _image(root: Path, cells: Cells) -> ListedImage | SetAside:
    path, source = root / cells["file"], cells["source"]
    if cells["label_conflict"]:
        return SetAside(path, source, Reason.LABEL_CONFLICT, cells["label_conflict"])
    if cells["label"] not in set(Label):
        raise DataError(
            f"expected one of the labels {', '.join(Label)} for {path}, found {cells['label']!r}; "
            f"correct {TABLE}"
        )
    said = cells.get("adult", "")
    if said and said not in set(Adult):
        raise DataError(
            f"expected one of {', '.join(Adult)} in the column adult for {path}, found {said!r}; "
            f"correct {TABLE}"
        )
    return ListedImage(
        path=path,
        source=source,
        label=Label(cells["label"]),
        view=VIEW_OF_WORD.get(cells["view"], View.UNKNOWN),
        patient_id=cells["patient_id"],
        split_group=cells["split_group"],
        published_split=cells.get("orig_split", ""),
        licence=cells.get("license", ""),
        note=cells.get("note", ""),
        hospital=cells.get("hospital", ""),
        adult=Adult(said) if said else None,
    )


DATA_SET = DataSet(
    name="development pack",
    layout="manifest.csv with file, source, split_group and label_conflict",
    recognises=recognises,
    list_images=list_images,
)
