"""A benchmark whose output is wrong has no figures that count; what is absent is said."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from screening.errors import StartupError
from tests.benchmarks.bars import Bar, Row
from tests.benchmarks.command import Asked, run
from tests.benchmarks.figures import ratios, shuffled_rounds
from tests.benchmarks.page import write_page
from tests.benchmarks.plots import dots
from tests.benchmarks.results import measure, read_json, write_json
from tests.benchmarks.run import NotHereError, Run, program


def adds_up(run: Run) -> None:
    """Compare the system with a peer that is twice as slow, and miss another one."""
    with run.without_absent("a peer"):
        program("no-such-program", "no-such-package")
    run.compare("work", "s", {"ours": lambda: 1.0, "theirs": lambda: 2.0}, rounds=3)
    run.expect("sums", 4, 2 + 2)


def is_wrong(run: Run) -> None:
    """Find something else than expected after a figure."""
    run.add("fast", "s", 0.001)
    run.expect("sums", 4, 2 + 3)


def is_not_here(run: Run) -> None:
    """Need what no machine has."""
    raise NotHereError(f"no abacus in {run.folder.name}")


BARS = (Bar("work / theirs", "x", at_most=1),)
ROWS = tuple(
    Row(number, work.__name__, work.__doc__ or "", "by hand", 1, BARS, work)
    for number, work in enumerate((adds_up, is_wrong, is_not_here), 1)
)


def test_right_wrong_and_absent_are_told_apart(tmp_path: Path) -> None:
    """Only the wrong one makes the run fail."""
    results = measure(ROWS, is_short=False)
    right, wrong, not_here = results.rows
    assert right.checked == ("sums",)
    assert "apt-get install no-such-package" in right.absent["a peer"]
    assert next(one for one in right.figures if one.name == "work / theirs").values == (0.5,) * 3
    assert wrong.wrong == "sums: expected 4, found 5"
    assert "no abacus" in not_here.not_here
    assert not results.is_right
    assert measure([ROWS[0], ROWS[2]], is_short=False).is_right
    write_json(results, tmp_path / "results.json")
    assert read_json(tmp_path / "results.json") == results


def test_the_page_says_what_came_of_each_and_holds_all_it_shows(tmp_path: Path) -> None:
    """Verdict, wrong output, what was left out; drawings are well-formed."""
    results = measure(ROWS, is_short=False)
    write_page(results, ROWS, tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for said in ('class="pass">pass', "sums: expected 4, found 5", "no abacus", "Left out: a peer"):
        assert said in page
    assert page.count("<svg") == len({figure.unit for figure in results.rows[0].figures})
    assert not re.search(r"https?:|src=|href=|@import", page)


def test_a_drawing_has_a_dot_for_each_repetition_and_marks_median_and_bar() -> None:
    """Three figures of three repetitions, one of them with a bar."""
    figures = measure(ROWS[:1], is_short=False).rows[0].figures
    drawing = dots([one for one in figures if one.unit == "x"], BARS)
    drawn = ET.fromstring(drawing)  # noqa: S314  our own
    assert len(drawn.findall("circle")) == 3
    assert [line.get("class") for line in drawn.findall("line")] == ["track", "bar", "median"]


def test_contenders_meet_in_every_round_in_any_order() -> None:
    """Each is measured once a round, and not always first."""
    order: list[str] = []
    contenders = {name: lambda name=name: float(not order.append(name)) for name in ("a", "b", "c")}
    values = shuffled_rounds(contenders, rounds=40)
    assert all(len(found) == 40 for found in values.values())
    rounds = {tuple(order[start : start + 3]) for start in range(0, 120, 3)}
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({one[0] for one in rounds}) == 3
    assert ratios((2.0, 9.0), (1.0, 3.0)) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("names", "sizes", "said"),
    [(("intake", "speed"), (), "found speed"), ((), ("images=many",), "found 'images=many'")],
)
def test_a_slip_of_the_pen_measures_nothing(
    names: tuple[str, ...], sizes: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """The message names what there is."""
    asked = Asked(names, is_short=True, sizes=sizes, folder=tmp_path, earlier=None, publishes=False)
    with pytest.raises(StartupError, match=said):
        run(asked)
    assert not list(tmp_path.iterdir())
