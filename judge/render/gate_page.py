"""What came of a gate as a page."""

from judge.gates.finding import Finding, GateResult, GateStatus
from judge.gates.rule import Ask, Rule
from judge.render.page import Page, Section, Table
from judge.render.text import NO_NUMBER, number, share
from judge.reports.groups import OVERALL

_SAID = {
    GateStatus.PASS: "pass: every rule holds",
    GateStatus.FAIL: "fail: a rule does not hold",
    GateStatus.INCONCLUSIVE: "inconclusive: a rule can be said neither to hold nor not to",
}


def gate_page(result: GateResult) -> Page:
    """Return what came of each rule."""
    against = f", against {result.baseline}" if result.baseline else ""
    lines = [_SAID[result.status], *map(finding_sentence, _open_first(result))]
    if not result.complete:
        lines.append("not every record has a final outcome: judge resume")
    rows = [
        [
            finding.status.value,
            rule_words(finding.rule),
            finding.slice,
            finding_numbers(finding),
            finding.basis.value if finding.basis else NO_NUMBER,
            str(finding.estimate.n) if finding.estimate else NO_NUMBER,
        ]
        for finding in result.findings
    ]
    columns = ["ended", "rule", "slice", "found", "by", "n"]
    return Page(
        title=f"{result.name}: gate on run {result.run_id}{against}",
        sections=[
            Section(title="Gate", lines=lines, tables=[Table(columns=columns, rows=rows)]),
        ],
    )


def rule_words(rule: Rule) -> str:
    """Return what a rule asks, in words."""
    if rule.ask is Ask.RETAINS:
        return (
            f"{rule.system} retains {share(rule.bound)} of {rule.of or 'the teacher'} on "
            f"{'the share with ' if rule.together else ''}{rule.metric}"
        )
    if rule.ask is Ask.LOSES_AT_MOST:
        return f"{rule.system} loses at most {rule.bound:g} on {rule.metric} against the baseline"
    if rule.ask is Ask.SAVES_AT_LEAST:
        return (
            f"{rule.system} saves {share(rule.bound)} of {rule.metric} beside "
            f"{rule.of or 'the teacher'}"
        )
    words = "at least" if rule.ask is Ask.AT_LEAST else "at most"
    if rule.together:
        return f"share of {rule.system} with {rule.metric} is {words} {share(rule.bound)}"
    return f"{rule.metric} of {rule.system} is {words} {rule.bound:g}"


def finding_numbers(finding: Finding) -> str:
    """Return the number of a finding with its limits."""
    if finding.estimate is None or finding.low is None or finding.high is None:
        return NO_NUMBER
    value, low, high = finding.estimate.value, finding.low, finding.high
    if finding.rule.ask in {Ask.RETAINS, Ask.SAVES_AT_LEAST} or finding.rule.together:
        return f"{share(value)} [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{number(value)} [{number(low)}, {number(high)}]"


def finding_sentence(finding: Finding) -> str:
    """Return what came of a rule, with the reason."""
    where = "" if finding.slice == OVERALL else f" on {finding.slice}"
    found = f": found {finding_numbers(finding)}" if finding.estimate else ""
    ways = [
        f"{count:,} more {what}"
        for count, what in ((finding.more_labels, "labelled items"), (finding.more_items, "items"))
        if count and finding.status is GateStatus.INCONCLUSIVE
    ]
    settle = f"; about {' or '.join(ways)} would likely settle it" if ways else ""
    reason = f" ({finding.reason})" if finding.reason else ""
    return f"{finding.status.value}: {rule_words(finding.rule)}{where}{found}{reason}{settle}"


def _open_first(result: GateResult) -> list[Finding]:
    """Return what failed, then what is open."""
    return [
        finding
        for status in (GateStatus.FAIL, GateStatus.INCONCLUSIVE)
        for finding in result.findings
        if finding.status is status
    ]
