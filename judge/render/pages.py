"""Reports and validations as pages."""

from collections.abc import Mapping, Sequence

from judge.render.page import Page, Section, Table
from judge.render.text import (
    NO_NUMBER,
    figure,
    interval,
    number,
    one_line,
    percent_interval,
    share,
)
from judge.reports.report import Report
from judge.reports.retention import RetentionRow
from judge.reports.summary import OVERALL, Status, SummaryRow
from judge.stats.estimate import Estimate
from judge.trust.certificate import JudgeTrust
from judge.trust.validation import Agreement, Disagreement, Validation

_MOST_DISAGREEMENTS = 10


def report_page(report: Report) -> Page:
    """Return what a run says."""
    manifest = report.manifest
    return Page(
        title=f"{manifest.name}: run {manifest.run_id}",
        sections=[
            _trust_section(report),
            *_metric_sections(report),
            *_retention_sections(report),
            _missing_section(report),
            _next_section(report),
        ],
    )


def validation_page(validation: Validation) -> Page:
    """Return what a validation found."""
    measure, certificate = validation.measure, validation.certificate
    sections = [
        Section(
            title="Standing",
            lines=[
                f"{certificate.standing.value}: {'; '.join(certificate.reasons)}",
                (
                    f"certificate {certificate.certificate_id}, "
                    f"valid until {certificate.valid_until:%Y-%m-%d}"
                ),
                *_provenance_lines(validation),
            ],
        ),
        Section(title="Agreement with people", tables=[_agreement_table(validation)]),
        Section(
            title="Confusion (rows: people, columns: judge)",
            tables=[_confusion_table(validation.overall, measure.categories)],
        ),
        Section(
            title="Per system and slice",
            tables=[_parts_table({**validation.systems, **validation.slices})],
        ),
        _disagreement_section(validation.disagreements),
    ]
    return Page(title=f"Judge of {measure.metric} against people", sections=sections)


def _trust_section(report: Report) -> Section:
    if not report.trust:
        return Section(title="Trust", lines=["nothing in this run is judged"])
    rows = [
        [trust.measure.metric, _judge_name(trust), trust.standing.value, _agreed(trust)]
        for trust in report.trust
    ]
    why = [f"{trust.measure.metric}: {'; '.join(trust.reasons)}" for trust in report.trust]
    columns = ["judged metric", "judge", "standing", "agreement with people"]
    return Section(title="Trust", lines=why, tables=[Table(columns=columns, rows=rows)])


def _judge_name(trust: JudgeTrust) -> str:
    identity = trust.measure.identity
    return identity.get("model") or identity.get("judge", "judge")


def _agreed(trust: JudgeTrust) -> str:
    if trust.certificate is None:
        return NO_NUMBER
    name = trust.certificate.thresholds.primary.value
    found = trust.certificate.findings.get(name)
    return NO_NUMBER if found is None else f"{name} {interval(found)}"


def _metric_sections(report: Report) -> list[Section]:
    by_metric: dict[str, list[SummaryRow]] = {}
    for row in report.estimates:
        by_metric.setdefault(row.metric, []).append(row)
    return [_metric_section(metric, rows, report) for metric, rows in by_metric.items()]


def _metric_section(metric: str, rows: Sequence[SummaryRow], report: Report) -> Section:
    withheld = next((row for row in rows if row.status is Status.WITHHELD), None)
    if withheld is not None:
        return Section(title=metric, lines=[f"withheld: {withheld.reason}"])
    systems = [
        system.name
        for system in report.manifest.systems
        if any(row.system == system.name and row.counts.n_records for row in rows)
    ]
    cells = {(row.slice, row.system): row for row in rows}
    if not systems:
        return Section(title=metric, lines=[rows[0].reason])
    slices = list(dict.fromkeys(row.slice for row in rows if row.counts.n_records))
    table = Table(
        columns=["slice", "N", *systems],
        rows=[
            [
                name,
                _same([cells[name, system].counts.n_records for system in systems]),
                *(_cell(cells[name, system]) for system in systems),
            ]
            for name in slices
        ],
    )
    return Section(title=metric, tables=[table])


def _same(counts: Sequence[int]) -> str:
    distinct = list(dict.fromkeys(counts))
    return "/".join(str(count) for count in (distinct if len(distinct) == 1 else counts))


def _cell(row: SummaryRow) -> str:
    if row.estimate is not None:
        return interval(row.estimate)
    return row.status.value if row.counts.n_records else NO_NUMBER


def _retention_sections(report: Report) -> list[Section]:
    rows = [row for row in report.retention if row.n_pairs or row.status is Status.WITHHELD]
    if not rows:
        return []
    students = list(dict.fromkeys(row.student for row in rows))
    withheld = [row for row in rows if row.status is Status.WITHHELD]
    shown = [row for row in rows if row.status is not Status.WITHHELD]
    cells = {(row.metric, row.slice, row.student): row for row in shown}
    names = list(dict.fromkeys((row.metric, row.slice) for row in shown))
    table = Table(
        columns=["metric and slice", *students],
        rows=[
            [f"{metric}  {name}", *(_kept(cells.get((metric, name, s))) for s in students)]
            for metric, name in names
        ],
    )
    teacher = rows[0].teacher
    lines = [f"student / {teacher} on the same items, 95 % bootstrap interval over items"]
    lines += dict.fromkeys(f"{row.metric}: withheld" for row in withheld)
    lines += _undefined_lines(shown)
    return [Section(title="Quality retained", lines=lines, tables=[table] if names else [])]


def _kept(row: RetentionRow | None) -> str:
    if row is None or not row.n_pairs:
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
                _listed(counts.fates) or NO_NUMBER,
                _listed(counts.flags) or NO_NUMBER,
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


def _bounds(bounds: tuple[float, float]) -> str:
    return f"{number(bounds[0])} .. {number(bounds[1])}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _next_section(report: Report) -> Section:
    steps = [] if report.complete else [f"finish the run: judge resume {report.manifest.run_id}"]
    steps += dict.fromkeys(trust.remedy for trust in report.trust if trust.remedy)
    return Section(
        title="Next",
        lines=steps or [f"keep it: judge report {report.manifest.run_id} -o report.md"],
    )


def _provenance_lines(validation: Validation) -> list[str]:
    found = validation.provenance
    sources = ", ".join(sorted(source.value for source in found.sources))
    lines = [
        f"{validation.overall.n_labels} labels ({sources}) on {validation.overall.n_items} items"
    ]
    if validation.overall.fates:
        lines.append(f"labelled but not judged: {_listed(validation.overall.fates)}")
    if found.set_aside:
        lines.append(f"ratings set aside: {_listed(found.set_aside)}")
    return lines


def _agreement_table(validation: Validation) -> Table:
    overall, baseline = validation.overall.figures, validation.baseline
    beside = baseline.figures if baseline else None
    columns = ["figure", "this judge", "baseline judge"]
    rows = [
        [name, figure(found), figure(beside[name]) if beside else "the same judge"]
        for name, found in overall.items()
    ]
    return Table(columns=columns, rows=rows)


def _confusion_table(found: Agreement, categories: Sequence[str]) -> Table:
    return Table(
        columns=["", *categories],
        rows=[
            [category, *(str(count) for count in row)]
            for category, row in zip(categories, found.confusion, strict=True)
        ],
    )


def _parts_table(parts: Mapping[str, Agreement]) -> Table:
    columns = ["part", "labels", "percent", "kappa", "informedness"]
    return Table(
        columns=columns,
        rows=[
            [
                name,
                str(part.n_labels),
                *(_short(part.figures[key]) for key in ("percent", "kappa", "informedness")),
            ]
            for name, part in parts.items()
        ],
    )


def _short(found: object) -> str:
    return interval(found) if isinstance(found, Estimate) else "undefined"


def _disagreement_section(disagreements: Sequence[Disagreement]) -> Section:
    shown = disagreements[:_MOST_DISAGREEMENTS]
    lines = [
        f"{one.key.item_id} of {one.key.system}: people {one.human}, judge {one.judge} - "
        f"{one_line(one.rationale)}"
        for one in shown
    ]
    if len(disagreements) > len(shown):
        lines.append(f"... {len(disagreements) - len(shown)} more; all of them with -o x.json")
    return Section(title=f"Disagreements ({len(disagreements)})", lines=lines or ["none"])
