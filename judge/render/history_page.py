"""A metric over many runs, as a page and as JSON."""

from collections.abc import Iterator

from judge.render.figures_json import figure_json
from judge.render.json import encoded
from judge.render.page import Intervals, Page, Section, Table
from judge.render.text import NO_NUMBER, interval
from judge.reports.history import History, HistoryPoint
from judge.reports.summary import Status, SummaryRow
from judge.stats.estimate import Estimate

SCHEMA_VERSION = "1"


def history_page(found: History) -> Page:
    """Return what runs say one after the other: a section for each metric."""
    name = found.points[-1].manifest.name
    return Page(
        title=f"{name}: {len(found.points)} runs, {found.slice}",
        sections=[_section(metric, found) for metric in found.metrics],
    )


def history_json(found: History) -> bytes:
    """Return the same as indented UTF-8 JSON."""
    return encoded(
        {
            "schema_version": SCHEMA_VERSION,
            "slice": found.slice,
            "runs": [
                {
                    "run_id": point.manifest.run_id,
                    "started": point.manifest.started.isoformat(),
                    "dataset": point.manifest.dataset,
                    "new_outputs": list(point.new_outputs),
                    "breaks": [
                        {"metric": one.metric or "all", "reason": one.words} for one in point.breaks
                    ],
                    "estimates": [_row(row) for row in point.rows.values()],
                }
                for point in found.points
            ],
        }
    )


def _row(row: SummaryRow) -> dict[str, object]:
    found: dict[str, object] = {
        "metric": row.metric,
        "system": row.system,
        "status": row.status.value,
    }
    if row.estimate is not None:
        found.update(figure_json(row.estimate))
    if row.status is not Status.SHOWN:
        found["reason"] = row.reason
    if row.corrected is not None and row.corrected.estimate is not None:
        found["corrected"] = figure_json(row.corrected.estimate)
    return found


def _section(metric: str, found: History) -> Section:
    rows: list[list[str]] = []
    drawn: list[list[Estimate | None]] = []
    for point in found.points:
        empty = [""] * (len(found.systems) + 1)
        breaks = list(_breaks(point, metric))
        rows.extend([f"-- {words}", *empty] for words in breaks)
        drawn.extend([None] * len(found.systems) for _ in breaks)
        manifest = point.manifest
        cells = [_cell(point.rows.get((metric, system))) for system in found.systems]
        drawn.append([_drawn(point.rows.get((metric, system))) for system in found.systems])
        rows.append([manifest.run_id, f"{manifest.started:%Y-%m-%d %H:%M}", *cells])
    lines = ["numbers on two sides of a line beginning with -- are not comparable"]
    if not any(row[0].startswith("--") for row in rows):
        lines = ["the same set and the same instrument throughout"]
    lines += dict.fromkeys(
        f"withheld: {row.reason}"
        for point in found.points
        for (name, _), row in point.rows.items()
        if name == metric and row.status is Status.WITHHELD
    )
    columns = ["run", "began", *found.systems]
    intervals = Intervals(series=found.systems, rows=drawn)
    table = Table(columns=columns, rows=rows, intervals=intervals)
    return Section(title=metric, lines=lines, tables=[table])


def _breaks(point: HistoryPoint, metric: str) -> Iterator[str]:
    yield from (one.words for one in point.breaks if one.metric in {"", metric})


def _drawn(row: SummaryRow | None) -> Estimate | None:
    if row is None or row.estimate is not None or row.corrected is None:
        return row.estimate if row else None
    return row.corrected.estimate


def _cell(row: SummaryRow | None) -> str:
    if row is None or not row.counts.n_records:
        return NO_NUMBER
    if row.estimate is not None:
        return interval(row.estimate)
    if row.corrected is not None and row.corrected.estimate is not None:
        return f"by labels {interval(row.corrected.estimate)}"
    return row.status.value
