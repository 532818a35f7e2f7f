"""The layouts that a scan knows, the most particular first."""

from pathlib import Path

from training.datasets import coronahack, development_pack, folder_tree, ieee8023, kermany, rsna
from training.datasets.listing import DataSet
from training.errors import DataError

DATA_SETS: tuple[DataSet, ...] = (
    development_pack.DATA_SET,
    ieee8023.DATA_SET,
    rsna.DATA_SET,
    coronahack.DATA_SET,
    kermany.DATA_SET,
    folder_tree.DATA_SET,
)


def data_set_at(root: Path) -> DataSet:
    """Return the data set whose layout a folder has.

    Raises DataError where it is no folder, or laid out like none of them.
    """
    if not root.is_dir():
        raise DataError(f"expected a folder of images, found none at {root}; check the path")
    for data_set in DATA_SETS:
        if data_set.recognises(root):
            return data_set
    layouts = "; ".join(f"{each.name}: {each.layout}" for each in DATA_SETS)
    raise DataError(
        f"{root} is laid out like no data set known here ({layouts}); name the folder that holds "
        "the table, or sort the images into one folder per class"
    )
