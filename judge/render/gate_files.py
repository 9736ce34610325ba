"""What came of a gate as files and lines that pipelines read."""

from xml.etree import ElementTree as ET

from judge.gates.finding import Finding, GateResult, GateStatus
from judge.render.figures_json import figure_json
from judge.render.gate_page import finding_sentence, rule_words
from judge.render.json import SCHEMA_VERSION, encoded
from judge.render.text import flat

_COMMANDS = {
    GateStatus.PASS: "notice",
    GateStatus.FAIL: "error",
    GateStatus.INCONCLUSIVE: "warning",
}


def gate_json(result: GateResult) -> bytes:
    """Return what came of a gate as indented UTF-8 JSON."""
    return encoded(
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": result.run_id,
            "name": result.name,
            **({"baseline": result.baseline} if result.baseline else {}),
            "config": result.config,
            "status": result.status.value,
            "complete": result.complete,
            "findings": [_finding(finding) for finding in result.findings],
        }
    )


def gate_junit(result: GateResult) -> bytes:
    """Return what came of a gate as JUnit XML: a test for each rule and slice.

    An open rule is an error, since a skipped test lets a pipeline go on.
    """
    counts = dict.fromkeys(GateStatus, 0)
    for finding in result.findings:
        counts[finding.status] += 1
    suite = ET.Element(
        "testsuite",
        name=flat(f"judge gate {result.name}"),
        tests=str(len(result.findings)),
        failures=str(counts[GateStatus.FAIL]),
        errors=str(counts[GateStatus.INCONCLUSIVE]),
    )
    for finding in result.findings:
        name = flat(f"{rule_words(finding.rule)} [{finding.slice}]")
        case = ET.SubElement(suite, "testcase", classname=flat(finding.rule.metric), name=name)
        said = flat(finding_sentence(finding))
        if finding.status is GateStatus.FAIL:
            ET.SubElement(case, "failure", message=said, type="fail")
        elif finding.status is GateStatus.INCONCLUSIVE:
            ET.SubElement(case, "error", message=said, type="inconclusive")
        else:
            ET.SubElement(case, "system-out").text = said
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    body: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def github_annotations(result: GateResult) -> str:
    """Return a workflow command of GitHub Actions for each finding, one a line.

    Source: GitHub Docs, Workflow commands for GitHub Actions.
    """
    return "".join(f"{_annotation(finding, result.config)}\n" for finding in result.findings)


def _annotation(finding: Finding, config: str) -> str:
    properties = {"title": f"judge gate: {finding.status.value}"}
    if config and finding.rule.line:
        properties = {"file": config, "line": str(finding.rule.line), **properties}
    listed = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{_COMMANDS[finding.status]} {listed}::{_escaped(finding_sentence(finding))}"


def _escaped(text: str, more: str = "") -> str:
    line = flat(text)
    for mark in f"%\r\n{more}":  # the percent sign first
        line = line.replace(mark, f"%{ord(mark):02X}")
    return line


def _finding(finding: Finding) -> dict[str, object]:
    rule = finding.rule
    found: dict[str, object] = {
        "metric": rule.metric,
        "system": rule.system,
        "ask": rule.ask.value,
        "bound": rule.bound,
        "slice": finding.slice,
        "place": rule.place,
        "status": finding.status.value,
    }
    if rule.together:
        found["together"] = dict(rule.together)
    if rule.of:
        found["of"] = rule.of
    if finding.estimate is not None:
        found["estimate"] = figure_json(finding.estimate)
        found |= {"low": finding.low, "high": finding.high}
        found |= {"p_holds": finding.p_holds, "p_fails": finding.p_fails}
    if finding.basis is not None:
        found["basis"] = finding.basis.value
    if finding.reason:
        found["reason"] = finding.reason
    if finding.status is GateStatus.INCONCLUSIVE:
        for name, count in (
            ("more_labels", finding.more_labels),
            ("more_items", finding.more_items),
        ):
            if count:
                found[name] = count
    return found
