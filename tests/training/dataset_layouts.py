"""Small trees of images in the layouts of the public data sets."""

from collections.abc import Callable
from pathlib import Path

from tests.training.image_rows import write_picture, write_table


def write_ieee8023(root: Path) -> Path:
    """Write the layout of the later revisions."""
    common = {"offset": "", "age": "", "modality": "X-ray", "folder": "images", "license": ""}
    rows = [
        ("a.png", 1, "Pneumonia/Viral/COVID-19", {"view": "PA", "offset": "3", "age": "61"}),
        ("b.png", 1, "Pneumonia/Viral/COVID-19", {"view": "AP Supine", "offset": "9"}),
        ("c.png", 2, "Pneumonia/Bacterial/Streptococcus", {"view": "AP"}),
        ("d.png", 3, "Pneumonia/Viral/SARS", {"view": "AP Erect"}),
        ("e.png", 4, "Pneumonia/Fungal/Pneumocystis", {"view": "PA"}),
        ("f.png", 5, "Pneumonia/Lipoid", {"view": "PA"}),
        ("g.png", 6, "No Finding", {"view": ""}),
        ("lateral.png", 1, "Pneumonia/Viral/COVID-19", {"view": "L"}),
        ("ct.nii.gz", 1, "Pneumonia/Viral/COVID-19", {"view": "Axial", "modality": "CT"}),
        ("tb.png", 7, "Tuberculosis", {"view": "PA"}),
    ]
    for seed, (name, *_) in enumerate(rows):
        if name.endswith(".png"):
            write_picture(root / "images" / name, seed)
    write_picture(root / "images" / "stray.jpg", 99)
    write_table(
        root / "metadata.csv",
        [
            {"patientid": patient, "filename": name, "finding": finding} | common | other
            for name, patient, finding, other in rows
        ],
    )
    return root


def write_rsna(root: Path) -> Path:
    """Write the challenge's two tables; the images are written where a test opens them."""
    classes = {"n": "Normal", "o": "Lung Opacity", "x": "No Lung Opacity / Not Normal"}
    write_table(
        root / "stage_2_detailed_class_info.csv",
        [{"patientId": name, "class": classes[name]} for name in ("n", "o", "o", "x")],
    )
    write_table(
        root / "stage_2_train_labels.csv",
        [{"patientId": name, "x": "", "Target": int(name == "o")} for name in ("n", "o", "o", "x")],
    )
    return root


def write_kermany(root: Path) -> Path:
    """Write parts with normal, bacterial and viral names."""
    names = (
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/NORMAL/NORMAL2-IM-0927-0001-0002.jpeg",
        "train/PNEUMONIA/person12_bacteria_45.jpeg",
        "test/PNEUMONIA/person12_virus_46.jpeg",
        "val/NORMAL/person3_virus_9.jpeg",
    )
    for seed, name in enumerate(names):
        write_picture(root / "chest_xray" / name, seed)
    write_picture(root / "__MACOSX" / "train" / "NORMAL" / "._IM-0115-0001.jpeg", 9)
    write_picture(root / "cover.png", 10)
    return root


def write_coronahack(root: Path) -> Path:
    """Write the table beside the doubly nested folders of the published archive."""
    columns = ("X_ray_image_name", "Label", "Dataset_type")
    virus = ("Label_2_Virus_category", "Label_1_Virus_category")
    rows = [
        ("IM-0128-0001.jpeg", "Normal", "TRAIN", "", ""),
        ("person1_virus_6.jpeg", "Pnemonia", "TEST", "", "Virus"),
        ("person100_bacteria_475.jpeg", "Pnemonia", "TEST", "", "bacteria"),
        ("covid.jpeg", "Pnemonia", "TRAIN", "COVID-19", "Virus"),
        ("smoker.jpeg", "Pnemonia", "TRAIN", "", "Stress-Smoking"),
        ("gone.jpeg", "Normal", "TRAIN", "nan", "nan"),
    ]
    folder = root / "Coronahack" / "Coronahack"
    for seed, (name, _, part, *_) in enumerate(rows[:-1]):
        write_picture(folder / part.lower() / name, seed)
    write_picture(folder / "train" / "stray.jpeg", 77)
    write_table(
        root / "Chest_xray_Corona_Metadata.csv",
        [dict(zip(("", *columns, *virus), (0, *row), strict=True)) for row in rows],
    )
    return root


def write_folder_tree(root: Path) -> Path:
    """Write class folders in the spellings that people use, and one that is no class."""
    names = (
        "COVID-19/a.png",
        "train/Viral Pneumonia/deep/b.png",
        "normal/c.JPG",
        "Lung_Opacity/d.png",
        "cats/e.png",
    )
    for seed, name in enumerate(names):
        write_picture(root / name, seed)
    (root / "normal" / "notes.txt").write_text("no image")
    return root


def write_development_pack(root: Path) -> Path:
    """Write a pack with a conflict and a view in words."""
    common = {"source": "site", "patient_id": "site:1", "split_group": "g1", "view": "PA"}
    rows = [
        {"file": "site/normal/a.png", "label": "normal", "label_conflict": "", "adult": "yes"},
        {"file": "site/normal/b.png", "label": "normal", "label_conflict": "covid19|normal"},
        {"file": "nih/c.png", "label": "tuberculosis", "label_conflict": "", "source": "nih_cxr14"},
    ]
    for seed, row in enumerate(rows):
        write_picture(root / row["file"], seed)
    common |= {"adult": "", "hospital": "General"}
    write_table(root / "manifest.csv", [common | row for row in rows])
    return root


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "ieee8023": write_ieee8023,
    "rsna": write_rsna,
    "kermany": write_kermany,
    "coronahack": write_coronahack,
    "folder tree": write_folder_tree,
    "development pack": write_development_pack,
}
