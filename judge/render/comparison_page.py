"""Two runs compared, as a page."""

from collections.abc import Iterator, Sequence

from judge.render.page import Intervals, Page, Section, Table
from judge.render.text import NO_NUMBER, number
from judge.reports.comparison import Comparison, DifferenceRow, Finding
from judge.reports.groups import OVERALL
from judge.reports.judge_change import JudgeChange
from judge.reports.run_changes import OutputChange
from judge.reports.summary import Status
from judge.stats.estimate import Estimate

_MOST_LINES = 20
_MOST_IDS = 5


def comparison_page(found: Comparison) -> Page:
    """Return what two runs on the same set say of each other."""
    return Page(
        title=f"{found.after.name}: run {found.after.run_id} less run {found.before.run_id}",
        sections=[
            Section(title="What was found", lines=list(_findings(found))),
            Section(title="What changed", lines=list(_changes(found))),
            *_judge_section(found.judges),
            *_metric_sections(found),
            Section(title="Next", lines=list(_next(found))),
        ],
    )


def _findings(found: Comparison) -> Iterator[str]:
    if not found.complete:
        yield "a run is not finished: items without a value in both runs are left out below"
    for row in found.findings:
        if row.estimate is not None and row.means is not None and row.adjusted is not None:
            yield (
                f"{row.finding.value}: {row.metric} of {row.system}, {row.slice}: "
                f"{number(row.means[0])} -> {number(row.means[1])}, "
                f"{_signed(row.estimate)}, adjusted p {row.adjusted:.2g}"
            )
    looked = sum(row.adjusted is not None for row in found.rows)
    if not found.findings:
        yield f"no difference that {looked} looked-at rows do not explain by luck"
    yield "adjusted by Benjamini and Yekutieli, overall rows and slices apart: they overlap"


def _changes(found: Comparison) -> Iterator[str]:
    changes = found.changes
    yield from (_outputs(one) for one in changes.outputs)
    yield from (f"system {words}" for words in changes.systems)
    yield from (f"metric {words}" for words in changes.metrics)
    for metric, what in changes.instruments.items():
        yield f"{metric}: {'; '.join(what)}"
    yield from (f"version of {words}" for words in changes.versions)
    yield from (f"config {line}" for line in changes.config[:_MOST_LINES])
    if len(changes.config) > _MOST_LINES:
        yield f"config: {len(changes.config) - _MOST_LINES} more lines differ"
    if not (changes.config or changes.versions or changes.instruments):
        yield "config, instruments and versions are the same"


def _outputs(one: OutputChange) -> str:
    if not one.n_changed:
        return f"{one.system}: all outputs are the same"
    ids = [*one.changed, *one.added, *one.removed]
    named = ", ".join(ids[:_MOST_IDS]) + (", ..." if len(ids) > _MOST_IDS else "")
    more = [
        f"{len(some)} {word}"
        for some, word in ((one.added, "only in the second"), (one.removed, "only in the first"))
        if some
    ]
    return f"{one.system}: {one.n_changed} of {one.n_items} outputs differ ({named})" + (
        f"; {', '.join(more)}" if more else ""
    )


def _judge_section(judges: Sequence[JudgeChange]) -> list[Section]:
    if not judges:
        return []
    lines = [
        f"{one.metric}: "
        + (f"another judge: {'; '.join(one.reasons)}" if one.reasons else "the same judge")
        + f"; {one.words}"
        for one in judges
    ]
    return [Section(title="The judge or the student", lines=lines)]


def _metric_sections(found: Comparison) -> Iterator[Section]:
    by_metric: dict[str, list[DifferenceRow]] = {}
    for row in found.rows:
        by_metric.setdefault(row.metric, []).append(row)
    for metric, rows in by_metric.items():
        yield Section(title=metric, lines=list(_lines(rows)), tables=_tables(rows))


def _lines(rows: Sequence[DifferenceRow]) -> Iterator[str]:
    withheld = [row for row in rows if row.status is Status.WITHHELD]
    yield from dict.fromkeys(f"withheld: {row.reason}" for row in withheld)
    yield from dict.fromkeys(
        f"{row.system}, overall: {row.reason}"
        for row in rows
        if row.slice == OVERALL and row.status in {Status.UNDEFINED, Status.INSUFFICIENT}
    )
    if any(row.one_judge and row.status is Status.SHOWN for row in rows):
        yield "both sides are verdicts of the second run's judge"
    for row in rows:
        if row.slice == OVERALL and isinstance(row.judge_part, Estimate):
            yield (
                f"{row.system}: on the first run's outputs the second judge differs from the first "
                f"by {_signed(row.judge_part)}, which is no change of the student"
            )


def _tables(rows: Sequence[DifferenceRow]) -> list[Table]:
    tables = []
    if shown := [row for row in rows if row.status is Status.SHOWN]:
        tables.append(
            Table(
                columns=[
                    "slice and system",
                    "items",
                    "other outputs",
                    "before",
                    "after",
                    "difference",
                    "up/down",
                    "p",
                    "adjusted",
                    "finding",
                ],
                rows=[_row(row) for row in shown],
                intervals=Intervals(
                    series=["difference"], rows=[[row.estimate] for row in shown], marks=[0.0]
                ),
            )
        )
    if corrected := [r for r in rows if r.corrected is not None and r.corrected.estimate]:
        tables.append(
            Table(
                columns=["by labels of people", "items labelled twice", "difference"],
                rows=[[f"{row.slice}  {row.system}", *_corrected(row)] for row in corrected],
            )
        )
    return tables


def _row(row: DifferenceRow) -> list[str]:
    before, after = row.means or (0.0, 0.0)
    up, down = row.moved or (0, 0)
    return [
        f"{row.slice}  {row.system}",
        str(row.n_pairs) + (f" (+{row.n_unpaired} missing)" if row.n_unpaired else ""),
        str(row.n_changed),
        number(before),
        number(after),
        NO_NUMBER if row.estimate is None else _signed(row.estimate),
        f"{up}/{down}",
        NO_NUMBER if row.p_value is None else f"{row.p_value.value:.2g}",
        NO_NUMBER if row.adjusted is None else f"{row.adjusted:.2g}",
        NO_NUMBER if row.finding is Finding.NONE else row.finding.value,
    ]


def _corrected(row: DifferenceRow) -> list[str]:
    found = row.corrected
    if found is None or found.estimate is None:
        return [NO_NUMBER, NO_NUMBER]
    return [str(found.n_labels), _signed(found.estimate)]


def _signed(found: Estimate) -> str:
    value, low, high = (
        f"{round(one, 3) + 0.0:+.3f}" for one in (found.value, found.low, found.high)
    )
    return f"{value} [{low}, {high}]"


def _next(found: Comparison) -> Iterator[str]:
    before, after = found.before.run_id, found.after.run_id
    if not found.complete:
        yield f"finish them: judge resume {before}; judge resume {after}"
    if found.undecided:
        yield (
            "have the second run's judge judge the first run's outputs: "
            f"judge compare {before} {after} --rejudge"
        )
    yield f"keep it: judge compare {before} {after} -o comparison.md -o comparison.json"
