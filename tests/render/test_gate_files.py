from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import msgspec

from judge.render.gate_files import gate_json, gate_junit, github_annotations
from tests.render.gates import FAILED, OPEN, PASSED, UNKNOWN, result_of


def test_junit_has_a_test_for_each_rule_and_slice_and_skips_none() -> None:
    (suite,) = ET.fromstring(gate_junit(result_of(PASSED, FAILED, OPEN)))  # noqa: S314  our own

    assert suite.attrib == {
        "name": "judge gate mail",
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    assert [[child.tag for child in case] for case in suite] == [
        ["system-out"],
        ["failure"],
        ["error"],
    ]
    assert suite[1].attrib["name"] == "adherence.strict of small is at least 0.99 [kind=mail]"
    assert suite[1][0].attrib["message"].startswith("fail: adherence.strict of small")


def test_an_annotation_stands_at_the_rules_line_in_the_config() -> None:
    passed, failed, unsure = github_annotations(result_of(PASSED, FAILED, OPEN)).splitlines()

    assert passed.startswith("::notice file=judge.yaml,line=9,title=judge gate%3A pass::pass: ")
    assert failed.startswith("::error file=judge.yaml,line=12,")
    assert unsure.startswith("::warning file=judge.yaml,line=9,")
    assert "(100 %25 sure? no)" in unsure


def test_a_rule_of_no_known_line_is_annotated_without_a_place() -> None:
    finding = replace(PASSED, rule=replace(PASSED.rule, line=0))

    assert github_annotations(result_of(finding)).startswith("::notice title=judge gate%3A pass::")


def test_no_text_ends_an_annotation_or_the_xml(hostile: Sequence[str]) -> None:
    for text in hostile:
        result = result_of(replace(OPEN, rule=replace(OPEN.rule, system=text), reason=text))

        assert len(github_annotations(result).splitlines()) == 1
        assert len(ET.fromstring(gate_junit(result))) == 1  # noqa: S314  our own


def test_json_has_each_finding_with_its_limits_or_its_reason() -> None:
    found = msgspec.json.decode(gate_json(result_of(PASSED, OPEN, UNKNOWN)))

    assert (found["status"], found["baseline"], found["complete"]) == ("inconclusive", "r0", True)
    passed, unsure, unknown = found["findings"]
    assert passed["estimate"]["value"] == 0.94
    assert (passed["low"], passed["high"], passed["basis"]) == (0.91, 0.97, "labels")
    assert (unsure["more_items"], unsure["reason"]) == (1200, "100 % sure? no")
    assert "estimate" not in unknown
    assert unknown["reason"] == "judge unvalidated"
