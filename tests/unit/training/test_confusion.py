"""Confusion matrices: counting, reading, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from training.errors import DataError
from training.metrics.confusion import (
    ConfusionMatrix,
    confusion_matrix,
    read_confusion_csv,
)


def written(folder: Path, text: str) -> Path:
    """Write a table and return its path."""
    path = folder / "confusion.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_may_stand_in_another_order_than_columns(tmp_path: Path) -> None:
    """Rows find their column by name; spaces, blank lines and a byte order mark do not matter."""
    path = written(tmp_path, "\ufefftrue, covid19 ,normal\n\nnormal,3,97\ncovid19, 9 ,1\n,,\n")
    assert read_confusion_csv(path) == ConfusionMatrix(("covid19", "normal"), ((9, 1), (3, 97)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found nothing"),
        ("true\na\n", "class names in the header"),
        ("true,a,\na,1,2\n", "class names in the header"),
        ("true,a,a\na,1,2\n", "column(s) a twice"),
        ("true,a,b\na,1,2\n", "column(s) b but no such row"),
        ("true,a\na,1\nb,2\n", "row 'b', but the columns are a"),
        ("true,a,b\na,1,2\na,1,2\n", "row 'a' twice"),
        ("true,a,b\na,1\nb,2,3\n", "expected 2 counts in row 'a'"),
        ("true,a,b\na,1,-2\nb,2,3\n", "found '-2'"),
        ("true,a,b\na,1,0.5\nb,2,3\n", "row 'a', column 'b'"),
        ("true,a,b\na,1,\nb,2,3\n", "found ''"),
        ("true,a,b\na,1,²\nb,2,3\n", "found '²'"),
    ],
)
def test_a_table_that_is_no_confusion_matrix_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    """The error names the file and the place."""
    path = written(tmp_path, text)
    with pytest.raises(DataError) as refused:
        read_confusion_csv(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_absent_or_binary_file_is_refused(tmp_path: Path) -> None:
    """What cannot be read is an error of ours too."""
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.csv", binary):
        with pytest.raises(DataError, match="cannot read it"):
            read_confusion_csv(path)


def test_predictions_are_counted_by_true_and_predicted_class() -> None:
    """Rows are the true class."""
    matrix = confusion_matrix(("a", "b"), np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]))
    assert matrix.counts == ((1, 2), (0, 1))


@pytest.mark.parametrize("predicted", [[0, 2], [0, -1], [0]])
def test_impossible_predictions_are_refused(predicted: list[int]) -> None:
    """An index without class, or a missing prediction, is no count."""
    with pytest.raises(ValueError, match="expected"):
        confusion_matrix(("a", "b"), np.array([0, 1]), np.array(predicted))


@pytest.mark.parametrize(
    ("classes", "counts"),
    [((), ()), (("a", "a"), ((1, 2), (3, 4))), (("a", "b"), ((1, 2),)), (("a",), ((-1,),))],
)
def test_a_matrix_is_square_named_and_not_negative(
    classes: tuple[str, ...], counts: tuple[tuple[int, ...], ...]
) -> None:
    """A matrix that could not have been counted cannot be made."""
    with pytest.raises(ValueError, match="expected"):
        ConfusionMatrix(classes, counts)
