from dataclasses import replace

import msgspec

from judge.render.decision_json import decision_json
from judge.reports.decision import Decision
from judge.reports.report import Report
from judge.results.terms import DecisionTerms
from judge.stats.estimate import Undefined


def _decision(report: Report) -> Decision:
    assert report.decision is not None
    return report.decision


def test_a_decision_is_told_with_its_terms_and_never_with_a_bare_number(
    small_report: Report,
) -> None:
    found = decision_json(_decision(small_report))

    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert {"metric", "critical", "unscored", "verdicts", "kept", "earned"} == set(found)
    verdicts = found["verdicts"]
    assert isinstance(verdicts, list)
    assert [one["may_ship"] for one in verdicts] == ["not asked"] * len(verdicts)


def test_an_answer_stands_beside_what_would_settle_it(small_report: Report) -> None:
    decision = _decision(small_report)
    row = next(one for one in decision.kept if one.share is not None)
    open_row = replace(
        row,
        margin=0.9,
        answer="undecided",
        more_labels=Undefined(reason="none would"),
        more_items=80,
        reason="near",
    )
    verdict = replace(decision.verdicts[0], answer="undecided", overall=open_row)

    told = decision_json(replace(decision, terms=DecisionTerms(margin=0.9), verdicts=(verdict,)))

    (found,) = msgspec.json.decode(msgspec.json.encode(told))["verdicts"]
    assert found["may_ship"] == "undecided"
    assert found["overall"]["more_labels"] == {"undefined": "none would"}
    assert (found["overall"]["more_items"], found["overall"]["reason"]) == (80, "near")
    assert found["overall"].keys() >= {"share", "at_least", "at_most", "decidable_margin", "p_yes"}
