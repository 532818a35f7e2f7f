"""ieee8023 covid-chestxray-dataset: COVID-19 and other pneumonias from publications and the web.

Layout: `metadata.csv` (patientid, offset, finding, view, modality, folder, filename ...) beside
`images/`. Early revisions have no modality and folder columns, write CT as a view and findings
without their branch ("COVID-19" for "Pneumonia/Viral/COVID-19"): both are read.
Expected: 535 frontal radiographs of a finding in the later revisions, 342 of them COVID-19; the
papers used earlier ones (rahimzadeh2020: 180 COVID-19 of 118 patients; khan2020: 284).
Labels: one finding per patient, from the figure's caption or the case report, seldom with the
laboratory's word; images are severe and unusual cases, often JPEG from a PDF, some with arrows.
Lateral views and CT slices are set aside. Ages and days since symptoms (offset) are kept.
Citation: Cohen, Morrison, Dao, Roth, Duong, Ghassemi 2020, arXiv:2006.11988.
Licence: per image (column license), mostly CC BY-NC-SA and alike; annotations CC BY-NC-SA 4.0.
"""

import re
from collections.abc import Mapping
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
from training.datasets.table import Cells, has_columns, number_or_none, read_table

SOURCE = "ieee8023"
TABLE = "metadata.csv"
COLUMNS = ("patientid", "finding", "view", "filename")
LABEL_OF_FINDING: Mapping[str, Label] = {
    "covid-19": Label.COVID19,
    "no finding": Label.NORMAL,
    "bacterial": Label.BACTERIAL,
    "streptococcus": Label.BACTERIAL,
    "klebsiella": Label.BACTERIAL,
    "legionella": Label.BACTERIAL,
    "mycoplasma": Label.BACTERIAL,
    "chlamydophila": Label.BACTERIAL,
    "e.coli": Label.BACTERIAL,
    "viral": Label.VIRAL_OTHER,
    "sars": Label.VIRAL_OTHER,
    "mers-cov": Label.VIRAL_OTHER,
    "influenza": Label.VIRAL_OTHER,
    "varicella": Label.VIRAL_OTHER,
    "fungal": Label.FUNGAL,
    "pneumocystis": Label.FUNGAL,
    "pneumonia": Label.PNEUMONIA_OTHER,
    "lipoid": Label.PNEUMONIA_OTHER,
    "aspiration": Label.PNEUMONIA_OTHER,
    "ards": Label.PNEUMONIA_OTHER,
    "tuberculosis": Label.TUBERCULOSIS,
}
"""By words of the finding; of several words, the first of this table counts."""
VIEW_OF_WORD: Mapping[str, View] = {
    "PA": View.PA,
    "AP": View.AP,
    "AP ERECT": View.AP,
    "AP SEMI ERECT": View.AP,
    "AP SUPINE": View.AP_SUPINE,
    "APS": View.AP_SUPINE,
    "": View.UNKNOWN,
}
CT_VIEWS = frozenset({"CT", "AXIAL", "CORONAL"})


def recognises(root: Path) -> bool:
    """Return whether the table with findings and file names is there."""
    return has_columns(root / TABLE, COLUMNS)


def list_images(root: Path) -> Listing:
    """Return every row of the table, and the files in `images` that it does not name."""
    rows = read_table(root / TABLE, COLUMNS)
    found = [_image(root, cells) for cells in rows]
    found.extend(unlisted(root / "images", SOURCE, [each.path for each in found]))
    return listing_of(found)


def label_of(finding: str) -> Label | None:
    """Return the label of a finding, None where it is none of ours (unknown)."""
    words = {word.strip().lower() for word in re.split("[/,]", finding)}
    return next((label for word, label in LABEL_OF_FINDING.items() if word in words), None)


def _image(root: Path, cells: Cells) -> ListedImage | SetAside:
    path = root / (cells.get("folder") or "images") / cells["filename"]
    modality, view = cells.get("modality") or "X-ray", cells["view"].upper()
    label = label_of(cells["finding"])
    if modality.upper() != "X-RAY" or view in CT_VIEWS:
        shown = modality if view not in CT_VIEWS else cells["view"]
        return SetAside(path, SOURCE, Reason.NOT_A_RADIOGRAPH, shown)
    if view not in VIEW_OF_WORD:
        return SetAside(path, SOURCE, Reason.NOT_FRONTAL, f"view {cells['view']}")
    if label is None:
        return SetAside(path, SOURCE, Reason.NO_CLASS, f"finding {cells['finding']!r}")
    return ListedImage(
        path=path,
        source=SOURCE,
        label=label,
        view=VIEW_OF_WORD[view],
        patient_id=f"{SOURCE}:{cells['patientid']}" if cells["patientid"] else "",
        age_years=number_or_none(cells.get("age", "")),
        offset_days=number_or_none(cells.get("offset", "")),
        licence=cells.get("license", ""),
        note=cells["finding"],
    )


DATA_SET = DataSet(
    name=SOURCE,
    layout="metadata.csv with finding, view and filename, beside images/",
    recognises=recognises,
    list_images=list_images,
)
