"""The first section of a report: may a student ship, and the sentence why."""

from collections.abc import Sequence

from judge.render.page import Intervals, Section, Table
from judge.render.text import NO_NUMBER, number, percent_interval, share
from judge.reports.decision import Decision, Earned, Verdict
from judge.reports.evidence import Basis
from judge.reports.groups import OVERALL
from judge.reports.keeping import Kept
from judge.stats.estimate import Estimate

_BASES = {
    Basis.LABELS: "labels by people",
    Basis.JUDGE: "the judge",
    Basis.SCORER: "no judge in it",
}


def decision_section(decision: Decision) -> Section:
    """Return what a run says on whether its students may ship."""
    told = [verdict for verdict in decision.verdicts if verdict.overall.share is not None]
    lines = [_sentence(verdict, decision) for verdict in told]
    lines += _untold(decision)
    lines += [
        _earned_sentence(one, one.difference)
        for one in decision.earned
        if one.metric == decision.metric and isinstance(one.difference, Estimate)
    ]
    critical = [row for verdict in told for row in verdict.critical]
    tables = []
    if shown := [row for row in decision.kept if row.share is not None]:
        tables.append(_kept_table(shown))
    if critical:
        tables.append(_critical_table(critical))
    if compared := [one for one in decision.earned if isinstance(one.difference, Estimate)]:
        tables.append(_earned_table(compared))
    return Section(title="Decision", lines=lines, tables=tables)


def headline(row: Kept) -> str:
    """Return what a student keeps at least: ``keeps at least 91.2 % of teacher (95 %)``."""
    if row.at_least is None:
        return f"what it keeps of {row.teacher} cannot be told: {row.reason}"
    level = "" if row.share is None else f" ({row.share.level:.0%})".replace("%", " %")
    return f"keeps at least {share(max(0.0, row.at_least))} of {row.teacher}{level}"


def settled_by(row: Kept) -> str:
    """Return what would likely settle an open answer; empty where nothing is known to."""
    ways = [
        f"{count:,} more {what}"
        for count, what in ((row.more_labels, "labelled items"), (row.more_items, "items"))
        if isinstance(count, int) and count > 0
    ]
    return f"about {' or '.join(ways)} would likely settle it" if ways else ""


def _sentence(verdict: Verdict, decision: Decision) -> str:
    row, name = verdict.overall, verdict.student
    if verdict.answer is None:
        asked = "no margin was declared (decision: in the config), so nothing is decided"
        return f"{name}: {headline(row)} on {row.metric}; {asked}{_decidable(row)}"
    margin = share(decision.terms.margin or 0)
    if verdict.answer == "yes":
        also = f", also on each of {len(verdict.critical)} critical slices"
        return (
            f"yes, {name} may ship: it {headline(row)} on {row.metric}, and {margin} was asked"
            f"{also if verdict.critical else ''}"
        )
    if verdict.answer == "no":
        return f"no, {name} may not ship: {_lost(verdict, margin)}"
    return f"undecided, {name}: {_open(verdict, margin)}"


def _lost(verdict: Verdict, margin: str) -> str:
    row = next(r for r in (verdict.overall, *verdict.critical) if r.answer == "no")
    most = NO_NUMBER if row.at_most is None else share(max(0.0, row.at_most))
    return f"it keeps at most {most} of {row.teacher} on {row.metric}{_on(row)}, under {margin}"


def _open(verdict: Verdict, margin: str) -> str:
    rows = (verdict.overall, *verdict.critical)
    row = next(r for r in rows if r.answer != "yes")
    if row.share is None:
        return f"whether it keeps {margin} of {row.teacher}{_on(row)} cannot be told: {row.reason}"
    said = f"it keeps {percent_interval(row.share)} of {row.teacher} on {row.metric}{_on(row)}"
    return "; ".join(
        filter(None, (f"{said}, and {margin} was asked", row.reason, settled_by(row)))
    ) + _decidable(row)


def _on(row: Kept) -> str:
    return "" if row.slice == OVERALL else f" on {row.slice}"


def _decidable(row: Kept) -> str:
    if not isinstance(row.decidable, float):
        return ""
    return f"; with these {_size(row)} a margin of {share(max(0.0, row.decidable))} can be decided"


def _size(row: Kept) -> str:
    return f"{row.n_labels} labelled items" if row.n_labels else f"{row.n_items} items"


def _kept_table(rows: Sequence[Kept]) -> Table:
    return Table(
        columns=["student and metric", "keeps at least", "share kept", "by", "items", "decidable"],
        rows=[
            [
                f"{row.student}  {row.metric}",
                NO_NUMBER if row.at_least is None else share(max(0.0, row.at_least)),
                NO_NUMBER if row.share is None else percent_interval(row.share),
                NO_NUMBER if row.basis is None else _BASES[row.basis],
                _size(row) if row.n_labels else str(row.n_items),
                share(max(0.0, row.decidable)) if isinstance(row.decidable, float) else NO_NUMBER,
            ]
            for row in rows
        ],
        intervals=_shares(rows),
    )


def _shares(rows: Sequence[Kept]) -> Intervals:
    margins = {row.margin for row in rows if row.margin is not None}
    return Intervals(
        series=["share kept"],
        rows=[[row.share] for row in rows],
        marks=sorted({1.0, *margins}),
        percent=True,
    )


def _critical_table(rows: Sequence[Kept]) -> Table:
    return Table(
        columns=["critical slice", "kept", "share kept", "items", "what would settle it"],
        rows=[
            [
                f"{row.student}  {row.slice}",
                row.answer or NO_NUMBER,
                NO_NUMBER if row.share is None else percent_interval(row.share),
                _size(row) if row.n_labels else str(row.n_items),
                _what_settles(row),
            ]
            for row in rows
        ],
        intervals=_shares(rows),
    )


def _what_settles(row: Kept) -> str:
    if row.answer != "undecided":
        return NO_NUMBER
    return row.reason or settled_by(row) or NO_NUMBER


def _earned_sentence(one: Earned, found: Estimate) -> str:
    said = {
        "yes": f"{one.distilled} earned its place: it is better than {one.sft}",
        "no": f"{one.distilled} has not earned its place: it is not better than {one.sft}",
        "undecided": f"{one.distilled} has not earned its place yet: it may be no better than "
        f"{one.sft}",
    }[one.earned]
    return f"{said}, by {_limits(one, found)} on {one.metric}"


def _earned_table(rows: Sequence[Earned]) -> Table:
    return Table(
        columns=["distilled less SFT, same items", "difference", "by", "items", "earned its place"],
        rows=[
            [
                f"{one.distilled} - {one.sft}  {one.metric}",
                _difference(one),
                NO_NUMBER if one.basis is None else _BASES[one.basis],
                str(one.n_items),
                one.earned,
            ]
            for one in rows
        ],
    )


def _difference(one: Earned) -> str:
    return _limits(one, one.difference) if isinstance(one.difference, Estimate) else NO_NUMBER


def _limits(one: Earned, found: Estimate) -> str:
    low, high = one.bounds or (found.low, found.high)
    return f"{number(found.value)} [{number(low)}, {number(high)}]"


def _untold(decision: Decision) -> list[str]:
    """Say why there is no share, once for all students of a metric that have one reason."""
    rows = [verdict.overall for verdict in decision.verdicts]
    rows += [row for row in decision.kept if row.metric != decision.metric]
    students: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.share is None:
            students.setdefault((row.metric, row.reason), []).append(row.student)
    asked = decision.terms.margin is not None
    return [
        f"{'undecided, ' if asked and metric == decision.metric else ''}{', '.join(names)}: what "
        f"is kept of {rows[0].teacher} on {metric} cannot be told: {reason}"
        for (metric, reason), names in students.items()
    ]
