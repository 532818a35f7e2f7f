"""What a scan found, in numbers, and the list of everything that is not in the manifest."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from training.data.manifest import ImageRow, manifest_digest
from training.datasets.listing import Reason
from training.datasets.scan import Duplicate, Scan
from training.errors import DataError


@dataclass(frozen=True, slots=True)
class ReportLine:
    """An image that is not in the manifest, or is in it twice."""

    path: Path
    source: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Images and split groups of one label in one source, and how many images of each view.

    hospitals: how many images of each, see `training.data.hospitals`.
    """

    source: str
    label: str
    hospitals: dict[str, int]
    images: int
    split_groups: int
    views: dict[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a scan."""

    digest: str
    """The manifest's."""
    images: int
    labels: dict[str, int]
    sources: dict[str, int]
    hospitals: dict[str, int]
    views: dict[str, int]
    split_groups: int
    largest_split_group: int
    groups_across_sources: int
    """Split groups with images of several sources."""
    by_source_and_label: tuple[SourceCount, ...]
    set_aside: dict[str, int]
    """By reason."""
    duplicates: int
    near_duplicates: int


def summarise(scan: Scan) -> Summary:
    """Count a scan's rows by class, source, view and split group, and what is set aside."""
    sources_of: dict[str, set[str]] = defaultdict(set)
    for row in scan.rows:
        sources_of[row.split_group].add(row.source)
    sizes = Counter(row.split_group for row in scan.rows)
    return Summary(
        digest=manifest_digest(scan.rows),
        images=len(scan.rows),
        labels=_counted(row.label for row in scan.rows),
        sources=_counted(row.source for row in scan.rows),
        hospitals=_counted(row.hospital for row in scan.rows),
        views=_counted(row.view for row in scan.rows),
        split_groups=len(sizes),
        largest_split_group=max(sizes.values(), default=0),
        groups_across_sources=sum(len(sources) > 1 for sources in sources_of.values()),
        by_source_and_label=tuple(_by_source_and_label(scan.rows)),
        set_aside=_counted(each.reason for each in scan.set_aside),
        duplicates=sum(each.distance_bits is None for each in scan.duplicates),
        near_duplicates=sum(each.distance_bits is not None for each in scan.duplicates),
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return {str(name): count for name, count in sorted(Counter(values).items())}


def _by_source_and_label(rows: Sequence[ImageRow]) -> Iterator[SourceCount]:
    found: dict[tuple[str, str], list[ImageRow]] = defaultdict(list)
    for row in rows:
        found[row.source, row.label].append(row)
    for (source, label), same in sorted(found.items()):
        yield SourceCount(
            source=source,
            label=str(label),
            hospitals=_counted(row.hospital for row in same),
            images=len(same),
            split_groups=len({row.split_group for row in same}),
            views=_counted(row.view for row in same),
        )


def report_path(manifest: Path) -> Path:
    """Return where the list of set-aside and duplicate images stands: beside the manifest."""
    return manifest.with_suffix(".set-aside.csv")


def report_lines(scan: Scan) -> list[ReportLine]:
    """Return one line per image set aside and per duplicate, by reason."""
    lines = [ReportLine(e.path, e.source, e.reason, e.detail) for e in scan.set_aside]
    lines += [ReportLine(e.path, e.source, Reason.DUPLICATE, _how(e)) for e in scan.duplicates]
    return sorted(lines, key=lambda line: list(Reason).index(line.reason))


def _how(each: Duplicate) -> str:
    same = "same pixels as" if each.distance_bits is None else f"{each.distance_bits} bits from"
    return f"{same} {each.same_as}; {'dropped' if each.dropped else 'kept, same split group'}"


def write_report(path: Path, lines: Iterable[ReportLine]) -> None:
    """Write report lines as CSV. Raises DataError where the disk does not take it."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(each.name for each in fields(ReportLine))
            writer.writerows(
                (line.path.as_posix(), line.source, line.reason.value, line.detail)
                for line in lines
            )
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}; make room or name another --out"
        ) from None
