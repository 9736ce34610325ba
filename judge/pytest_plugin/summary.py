"""What a run measured, in a few lines at the end of a test session."""

from collections.abc import Iterator

from judge.pytest_plugin.judged import JudgedRun
from judge.render.text import interval, listed, one_line
from judge.reports.groups import OVERALL
from judge.reports.summary import Status, SummaryRow


def summary_lines(run: JudgedRun) -> list[str]:
    """Return an estimate for each metric and system, or why there is none, and what comes next."""
    report = run.report
    rows = [row for row in report.estimates if row.slice == OVERALL]
    part = "" if run.whole else ", of the items that the tests name"
    return [
        f"run {run.run_id}: {report.manifest.name}, {report.manifest.n_items} items{part}",
        *map(_line, rows),
        *_remedies(run),
        f"all of it: judge report {run.run_id} -o report.html",
    ]


def _line(row: SummaryRow) -> str:
    counts = row.counts
    scored = f"{counts.scored + counts.by_policy} of {counts.n_records}"
    fates = f", without a score: {listed(counts.fates)}" if counts.fates else ""
    if row.status is Status.WITHHELD:
        found = "withheld"
    elif row.estimate is None:
        found = f"{row.status.value} ({one_line(row.reason)})"
    else:
        found = interval(row.estimate)
    return f"  {row.metric}  {row.system}  {found}  {scored} scored{fates}"


def _remedies(run: JudgedRun) -> Iterator[str]:
    for trust in run.report.trust:
        if not trust.believed:
            metric = trust.measure.metric
            why = "; ".join(trust.reasons)
            yield f"  {metric} is withheld: judge {trust.standing.value}: {why}"
            if trust.remedy:
                yield f"    next: {trust.remedy}"
