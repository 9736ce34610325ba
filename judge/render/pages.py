"""The report of a run as a page."""

from collections.abc import Callable, Sequence

from judge.render.calibration_section import calibration_sections
from judge.render.decision_section import decision_section
from judge.render.diagnosis_section import diagnosis_sections
from judge.render.divergence_section import divergence_sections
from judge.render.families_section import families_sections
from judge.render.format_section import format_sections
from judge.render.money import money
from judge.render.operations_section import operations_sections
from judge.render.overlap_page import leakage_sections
from judge.render.page import Intervals, Page, Section, Table
from judge.render.similarity_section import similarity_sections
from judge.render.slices_section import slices_sections
from judge.render.task_sections import class_sections, field_sections
from judge.render.text import (
    NO_NUMBER,
    interval,
    listed,
    number,
    percent_interval,
    share,
)
from judge.reports.groups import OVERALL
from judge.reports.report import Report
from judge.reports.retention import RetentionRow
from judge.reports.summary import Status, SummaryRow
from judge.results.spending import Spent
from judge.stats.estimate import Estimate
from judge.trust.certificate import JudgeTrust


def report_page(report: Report) -> Page:
    """Return what a run says."""
    manifest = report.manifest
    return Page(
        title=f"{manifest.name}: run {manifest.run_id}",
        sections=[
            *([decision_section(report.decision)] if report.decision else []),
            _trust_section(report),
            *families_sections(report.families),
            *_metric_sections(report),
            *class_sections(report.classes),
            *field_sections(report.fields),
            *format_sections(report.format),
            *similarity_sections(report),
            *_retention_sections(report),
            *operations_sections(report.operations),
            *calibration_sections(report.calibration),
            *divergence_sections(report.divergence),
            *slices_sections(report.slices),
            *leakage_sections(report.leakage),
            *diagnosis_sections(report.diagnosis),
            _missing_section(report),
            *_spending_sections(report),
            _next_section(report),
        ],
    )


def _trust_section(report: Report) -> Section:
    if not report.trust:
        return Section(title="Trust", lines=["nothing in this run is judged"])
    rows = [
        [trust.measure.metric, _judge_name(trust), trust.standing.value, _agreed(trust)]
        for trust in report.trust
    ]
    why = [f"{trust.measure.metric}: {'; '.join(trust.reasons)}" for trust in report.trust]
    why += [
        f"{trust.measure.metric}: {note}"
        for trust in report.trust
        if trust.certificate is not None
        for note in trust.certificate.notes
    ]
    why += [
        f"{metric}: controls in this run: {found.words}"
        for metric, found in report.controls.items()
    ]
    columns = ["judged metric", "judge", "standing", "agreement with people"]
    found = [_agreement(trust) for trust in report.trust]
    drawn = Intervals(
        series=["agreement with people"],
        rows=[[one] for one in found],
        marks=sorted({t.certificate.thresholds.at_least for t in report.trust if t.certificate}),
    )
    table = Table(columns=columns, rows=rows, intervals=drawn)
    return Section(title="Trust", lines=why, tables=[table])


def _judge_name(trust: JudgeTrust) -> str:
    identity = trust.measure.identity
    return identity.get("model") or identity.get("name") or identity.get("judge", "judge")


def _agreed(trust: JudgeTrust) -> str:
    found = _agreement(trust)
    if found is None or trust.certificate is None:
        return NO_NUMBER
    return f"{trust.certificate.thresholds.primary.value} {interval(found)}"


def _agreement(trust: JudgeTrust) -> Estimate | None:
    """Return the figure that decides on a judge, where it was measured."""
    if trust.certificate is None:
        return None
    return trust.certificate.findings.get(trust.certificate.thresholds.primary.value)


def _metric_sections(report: Report) -> list[Section]:
    by_metric: dict[str, list[SummaryRow]] = {}
    for row in report.estimates:
        by_metric.setdefault(row.metric, []).append(row)
    return [_metric_section(metric, rows, report) for metric, rows in by_metric.items()]


def _metric_section(metric: str, rows: Sequence[SummaryRow], report: Report) -> Section:
    withheld = [row for row in rows if row.status is Status.WITHHELD]
    systems = [
        system.name
        for system in report.manifest.systems
        if any(row.system == system.name and row.counts.n_records for row in rows)
    ]
    if not systems:
        return Section(title=metric, lines=[rows[0].reason])
    lines = [f"withheld: {reason}" for reason in dict.fromkeys(row.reason for row in withheld)]
    tables = []
    if len(withheld) < len(rows):
        tables.append(_rows_table(rows, systems, cell, lambda row: row.estimate))
    corrected, refused = _corrected_table(rows, systems)
    if corrected is not None:
        lines.append("corrected by labels of people, which needs no trusted judge:")
        tables.append(corrected)
    elif refused and withheld:
        lines.append(f"not corrected either: {refused}")
    return Section(title=metric, lines=lines, tables=tables)


def _rows_table(
    rows: Sequence[SummaryRow],
    systems: Sequence[str],
    say: Callable[[SummaryRow], str],
    drawn: Callable[[SummaryRow], Estimate | None],
) -> Table:
    cells = {(row.slice, row.system): row for row in rows}
    slices = list(dict.fromkeys(row.slice for row in rows if row.counts.n_records))
    return Table(
        columns=["slice", "N", *systems],
        rows=[
            [
                name,
                _same([cells[name, system].counts.n_records for system in systems]),
                *(say(cells[name, system]) for system in systems),
            ]
            for name in slices
        ],
        intervals=Intervals(
            series=systems,
            rows=[[drawn(cells[name, system]) for system in systems] for name in slices],
        ),
    )


def _corrected_table(
    rows: Sequence[SummaryRow], systems: Sequence[str]
) -> tuple[Table | None, str]:
    """Return the corrected scores, or why there is none."""
    found = [row.corrected for row in rows if row.corrected is not None]
    if any(one.estimate is not None for one in found):
        return _rows_table(rows, systems, _corrected_cell, _corrected_estimate), ""
    return None, found[0].reason if found else ""


def _corrected_estimate(row: SummaryRow) -> Estimate | None:
    return None if row.corrected is None else row.corrected.estimate


def _corrected_cell(row: SummaryRow) -> str:
    found = row.corrected
    if found is None or not row.counts.n_records:
        return NO_NUMBER
    if found.estimate is None:
        return Status.INSUFFICIENT.value
    labels = f"{found.n_labels} labels"
    if found.effective_labels is not None and found.estimate.low < found.estimate.high:
        labels += f", worth {found.effective_labels:.0f}"
    return f"{interval(found.estimate)} ({labels})"


def _same(counts: Sequence[int]) -> str:
    distinct = list(dict.fromkeys(counts))
    return "/".join(str(count) for count in (distinct if len(distinct) == 1 else counts))


def cell(row: SummaryRow) -> str:
    """Return a row's number with its limits, or the word that says why there is none."""
    if row.estimate is not None:
        return interval(row.estimate)
    return row.status.value if row.counts.n_records else NO_NUMBER


def _retention_sections(report: Report) -> list[Section]:
    rows = [row for row in report.retention if row.n_pairs or row.status is Status.WITHHELD]
    if not rows:
        return []
    withheld = [row for row in rows if row.status is Status.WITHHELD]
    shown = [row for row in rows if row.status is not Status.WITHHELD]
    corrected = [row for row in rows if row.corrected and row.corrected.estimate]
    lines = [f"student / {rows[0].teacher} on the same items, 95 % bootstrap interval over items"]
    lines += dict.fromkeys(
        f"{row.metric}: withheld" if row.slice == OVERALL else f"{row.metric} {row.slice}: withheld"
        for row in withheld
        if row.slice == OVERALL or (row.metric, OVERALL) in {(r.metric, r.slice) for r in shown}
    )
    lines += _undefined_lines(shown)
    tables = [_kept_table(shown, _kept, lambda row: row.estimate)] if shown else []
    if corrected:
        lines.append("corrected by labels of people, which needs no trusted judge: last table")
        tables.append(_kept_table(corrected, _kept_corrected, _corrected_ratio))
    return [Section(title="Quality retained", lines=lines, tables=tables)]


def _kept_table(
    rows: Sequence[RetentionRow],
    say: Callable[[RetentionRow], str],
    drawn: Callable[[RetentionRow], Estimate | None],
) -> Table:
    students = list(dict.fromkeys(row.student for row in rows))
    cells = {(row.metric, row.slice, row.student): row for row in rows}
    names = dict.fromkeys((row.metric, row.slice) for row in rows)
    return Table(
        columns=["metric and slice", *students],
        rows=[
            [
                f"{metric}  {name}",
                *(
                    say(found) if (found := cells.get((metric, name, s))) else NO_NUMBER
                    for s in students
                ),
            ]
            for metric, name in names
        ],
        intervals=Intervals(
            series=students,
            rows=[
                [drawn(found) if (found := cells.get((*key, s))) else None for s in students]
                for key in names
            ],
            marks=[1.0],
            percent=True,
        ),
    )


def _corrected_ratio(row: RetentionRow) -> Estimate | None:
    return None if row.corrected is None else row.corrected.estimate


def _kept_corrected(row: RetentionRow) -> str:
    found = row.corrected
    if found is None or found.estimate is None:
        return NO_NUMBER
    return f"{percent_interval(found.estimate)} ({found.n_labels} items labelled)"


def _kept(row: RetentionRow) -> str:
    if not row.n_pairs:
        return NO_NUMBER
    return row.status.value if row.estimate is None else percent_interval(row.estimate)


def _undefined_lines(rows: Sequence[RetentionRow]) -> list[str]:
    return [
        f"{row.metric} {row.slice} of {row.student}: undefined: {row.reason}"
        for row in rows
        if row.status is Status.UNDEFINED and row.slice == OVERALL
    ]


def _missing_section(report: Report) -> Section:
    rows = []
    for row in report.estimates:
        counts = row.counts
        if row.slice != OVERALL or not (counts.fates or counts.flags):
            continue
        rows.append(
            [
                f"{row.metric}  {row.system}",
                str(counts.n_records),
                str(counts.scored),
                share(counts.coverage),
                listed(counts.fates) or NO_NUMBER,
                listed(counts.flags) or NO_NUMBER,
                NO_NUMBER if row.bounds is None else _bounds(row.bounds),
            ]
        )
    lines = [
        "N = scored + fates; fates of the output count by the policy of the config",
        "worst..best counts a flagged verdict as missing",
    ]
    if report.possibly_paid:
        lines.append(
            f"{report.possibly_paid} calls were open when a process died: possibly paid for "
            "without an answer"
        )
    if not rows:
        return Section(title="What is missing", lines=["every record has a score", *lines[2:]])
    columns = ["metric and system", "N", "scored", "coverage", "fates", "flags", "worst..best"]
    return Section(title="What is missing", lines=lines, tables=[Table(columns=columns, rows=rows)])


def _spending_sections(report: Report) -> list[Section]:
    spending = report.spending
    if spending is None or not spending.total.calls:
        return []
    columns = ["judged metric, then fate", "calls", "tokens in", "tokens out", "cost", "maybe paid"]
    rows = [
        *(_spent_row(metric, spent) for metric, spent in spending.by_measure.items()),
        *(_spent_row(f"  {fate}", spent) for fate, spent in spending.by_fate.items()),
        _spent_row("all", spending.total),
    ]
    return [Section(title="What judging cost", tables=[Table(columns=columns, rows=rows)])]


def _spent_row(name: str, spent: Spent) -> list[str]:
    return [
        name,
        f"{spent.calls:,}",
        f"{spent.input_tokens:,}",
        f"{spent.output_tokens:,}",
        money(spent.cost) if spent.cost.known or spent.cost.unknown else NO_NUMBER,
        f"{spent.possibly_paid:,}",
    ]


def _bounds(bounds: tuple[float, float]) -> str:
    return f"{number(bounds[0])} .. {number(bounds[1])}"


def _next_section(report: Report) -> Section:
    steps = [] if report.complete else [f"finish the run: judge resume {report.manifest.run_id}"]
    steps += dict.fromkeys(trust.remedy for trust in report.trust if trust.remedy)
    return Section(
        title="Next",
        lines=steps or [f"keep it: judge report {report.manifest.run_id} -o report.md"],
    )
