"""Our figures in the papers' own tables, beside the papers'."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.of_runs import RunEvaluation
from training.metrics.from_counts import (
    ClassFigures,
    Figures,
    figures,
    macro_average,
    one_versus_rest,
)
from training.protocols.registry import PROTOCOLS
from training.report.published_results import (
    CONCATENATED,
    KHAN_TABLE_3,
    KHAN_TABLE_4,
    KHAN_TABLE_5,
    KHAN_TABLE_6,
    RAHIMZADEH_TABLE_3,
    RAHIMZADEH_TABLE_4,
    RESNET50V2,
    XCEPTION,
    KhanPercentages,
)

NETWORK_OF_PROTOCOL: Mapping[str, str] = {
    "rahimzadeh2020-xception": XCEPTION,
    "rahimzadeh2020-resnet50v2": RESNET50V2,
    "rahimzadeh2020-concatenated": CONCATENATED,
}
KHAN_ROW_OF_PROTOCOL: Mapping[str, str] = {
    "khan2020-4class": "4-class",
    "khan2020-3class": "3-class",
    "khan2020-binary": "binary",
}
FOUR_CLASSES, DATASET_2 = "khan2020-4class", "khan2020-dataset2"
RAHIMZADEH_CLASSES = ("covid19", "pneumonia", "normal")
KHAN_COLUMNS = ("precision", "recall", "specificity", "F-measure", "accuracy")

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One row of a paper's table; ours is None where the runs do not have it."""

    label: str
    paper: Cells
    ours: Cells | None


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A paper's table with ours beside it; cells in percent or counts, as the paper prints them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[ComparedRow, ...]


def compared_tables(runs: Sequence[RunEvaluation]) -> tuple[ComparedTable, ...]:
    """Return the tables of the papers whose protocols are among the runs."""
    by_protocol = {run.run_folds[0].record.protocol: run for run in runs}
    tables: list[ComparedTable] = []
    if NETWORK_OF_PROTOCOL.keys() & by_protocol.keys():
        tables += [_rahimzadeh_counts(by_protocol), _rahimzadeh_percentages(by_protocol)]
    if FOUR_CLASSES in by_protocol:
        tables += [_khan_folds(by_protocol[FOUR_CLASSES]), _khan_classes(by_protocol[FOUR_CLASSES])]
    if KHAN_ROW_OF_PROTOCOL.keys() & by_protocol.keys():
        tables.append(_khan_networks(by_protocol))
    if DATASET_2 in by_protocol:
        tables.append(_khan_dataset_2(by_protocol[DATASET_2]))
    return tuple(tables)


def headline_figures(run: RunEvaluation) -> tuple[ComparedRow, ...]:
    """Return the figures a protocol's paper is known by, in percent, ours pooled over folds."""
    protocol = PROTOCOLS.get(run.run_folds[0].record.protocol)
    found = figures(run.own.pooled.confusion)
    return tuple(
        ComparedRow(each.name, (f"{each.percent:g}",), _headline(each.name, found))
        for each in (protocol.expected if protocol else ())
    )


def _headline(name: str, found: Figures) -> Cells | None:
    subject, _, figure = name.rpartition(" ")
    if subject == "overall" and figure == "accuracy":
        return (_percent(found.accuracy),)
    if subject == "COVID-19" and hasattr(found.classes["covid19"], figure):
        return (_percent(getattr(found.classes["covid19"], figure)),)
    return None


def _rahimzadeh_counts(runs: Mapping[str, RunEvaluation]) -> ComparedTable:
    def ours(found: RunEvaluation, place: int) -> Cells:
        counts = one_versus_rest(found.folds[place].pooled.confusion)
        of_classes = [counts[name] for name in RAHIMZADEH_CLASSES]
        return tuple(
            str(count)
            for each in of_classes
            for count in (each.true_positive, each.false_negative, each.false_positive)
        )

    rows = [
        ComparedRow(
            f"fold {row.fold}, {row.network}",
            tuple(
                str(count)
                for counts in (row.covid19, row.pneumonia, row.normal)
                for count in (counts.correct, counts.not_detected, counts.wrong)
            ),
            _of_fold(runs, row.network, row.fold, ours),
        )
        for row in RAHIMZADEH_TABLE_3
    ]
    words = ("correct", "not detected", "wrong")
    columns = tuple(f"{name} {word}" for name in RAHIMZADEH_CLASSES for word in words)
    return ComparedTable("Rahimzadeh and Attar 2020, table 3: images", columns, tuple(rows))


def _rahimzadeh_percentages(runs: Mapping[str, RunEvaluation]) -> ComparedTable:
    def of(found: Sequence[Figures]) -> Cells:
        of_classes = [
            _mean([getattr(each.classes[klass], name) for each in found])
            for name in ("sensitivity", "specificity", "accuracy", "precision")
            for klass in RAHIMZADEH_CLASSES
        ]
        cells = [_mean([each.accuracy for each in found]), *of_classes]
        return tuple(_percent(cell) for cell in cells)

    def ours(found: RunEvaluation, place: int) -> Cells:
        return of([figures(found.folds[place].pooled.confusion)])

    rows = []
    for row in RAHIMZADEH_TABLE_4:
        if row.fold is None:
            run = _run_of_network(runs, row.network)
            own = of([figures(each.pooled.confusion) for each in run.folds]) if run else None
        else:
            own = _of_fold(runs, row.network, row.fold, ours)
        numbers = (
            row.overall_accuracy,
            *row.sensitivity,
            *row.specificity,
            *row.accuracy,
            *row.precision,
        )
        label = "average" if row.fold is None else f"fold {row.fold}"
        paper = tuple(f"{number:.2f}" for number in numbers)
        rows.append(ComparedRow(f"{label}, {row.network}", paper, own))
    words = ("sensitivity", "specificity", "accuracy", "precision")
    columns = ("overall accuracy", *(f"{n} {w}" for w in words for n in RAHIMZADEH_CLASSES))
    return ComparedTable("Rahimzadeh and Attar 2020, table 4: percent", columns, tuple(rows))


def _run_of_network(runs: Mapping[str, RunEvaluation], network: str) -> RunEvaluation | None:
    protocol = next(name for name, found in NETWORK_OF_PROTOCOL.items() if found == network)
    return runs.get(protocol)


def _of_fold(
    runs: Mapping[str, RunEvaluation],
    network: str,
    fold: int,
    cells: Callable[[RunEvaluation, int], Cells],
) -> Cells | None:
    run = _run_of_network(runs, network)
    folds = [each.fold for each in run.run_folds] if run else []
    return cells(run, folds.index(fold)) if run and fold in folds else None


def _khan_folds(run: RunEvaluation) -> ComparedTable:
    ours = {
        f"fold {fold.fold}": _khan_cells([figures(found.pooled.confusion)])
        for fold, found in zip(run.run_folds, run.folds, strict=True)
    }
    ours["average"] = _khan_average(run)
    title = "Khan, Shah and Bhat 2020, table III: 4 classes, percent"
    return _khan_table(title, KHAN_TABLE_3, ours)


def _khan_classes(run: RunEvaluation) -> ComparedTable:
    title = "Khan, Shah and Bhat 2020, table IV: by class, average of folds, percent"
    return _khan_table(title, KHAN_TABLE_4, _khan_by_class(run))


def _khan_networks(runs: Mapping[str, RunEvaluation]) -> ComparedTable:
    ours = {
        row: _khan_average(runs[protocol])
        for protocol, row in KHAN_ROW_OF_PROTOCOL.items()
        if protocol in runs
    }
    title = "Khan, Shah and Bhat 2020, table V: average of folds, percent"
    return _khan_table(title, KHAN_TABLE_5, ours)


def _khan_dataset_2(run: RunEvaluation) -> ComparedTable:
    ours = {**_khan_by_class(run), "average": _khan_average(run)}
    return _khan_table("Khan, Shah and Bhat 2020, table VI: Dataset-2, percent", KHAN_TABLE_6, ours)


def _khan_table(
    title: str, paper: Mapping[str, KhanPercentages], ours: Mapping[str, Cells]
) -> ComparedTable:
    rows = []
    for name, row in paper.items():
        numbers = (row.precision, row.recall, row.specificity, row.f_measure, row.accuracy)
        cells = tuple("" if number is None else f"{number:.2f}" for number in numbers)
        rows.append(ComparedRow(name, cells, ours.get(name)))
    return ComparedTable(title, KHAN_COLUMNS, tuple(rows))


def _khan_average(run: RunEvaluation) -> Cells:
    return _khan_cells([figures(each.pooled.confusion) for each in run.folds])


def _khan_cells(folds: Sequence[Figures]) -> Cells:
    averages = [macro_average(list(found.classes.values())) for found in folds]
    return (*_class_cells(averages), _percent(_mean([found.accuracy for found in folds])))


def _khan_by_class(run: RunEvaluation) -> dict[str, Cells]:
    folds = [figures(each.pooled.confusion) for each in run.folds]
    return {
        name: (*_class_cells([found.classes[name] for found in folds]), "")
        for name in run.own.pooled.classes
    }


def _class_cells(found: Sequence[ClassFigures]) -> Cells:
    return tuple(
        _percent(_mean([getattr(each, name) for each in found]))
        for name in ("precision", "sensitivity", "specificity", "f1")
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) and known else None


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.2f}"
