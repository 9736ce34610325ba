from collections.abc import Callable

from judge.records.record import Target
from judge.reports.report import report_on
from judge.results.outcome import Fate, FateCode, Score
from judge.results.run import ADHERENCE, EQUIVALENCE, Measure
from judge.trust.admission import AdmittedResults
from judge.trust.certificate import Standing

JUDGED = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity={"model": "judge-1"},
    empty_value=0.0,
)
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
Maker = Callable[..., AdmittedResults]


def test_every_record_stays_visible_with_what_came_of_it(admitted: Maker) -> None:
    judged = (JUDGED, {"teacher": [1.0, 0.0], "student": [FateCode.JUDGE_REFUSED, None]})
    adherence = (FORMAT, {"teacher": [1.0, 1.0], "student": [0.0, 1.0]})

    report = report_on(admitted(judged, adherence, standing=None))

    assert [(e.record.system, e.record.item_id) for e in report.examples] == [
        ("teacher", "i0"),
        ("teacher", "i1"),
        ("student", "i0"),
        ("student", "i1"),
    ]
    first, _, refused, waiting = (e.outcomes["equivalence.reference"] for e in report.examples)
    assert isinstance(first, Score)
    assert first.label == "equivalent"
    assert isinstance(refused, Fate)
    assert refused.code is FateCode.JUDGE_REFUSED
    assert isinstance(waiting, Fate)
    assert waiting.code is FateCode.NOT_YET_SCORED


def test_a_verdict_of_a_judge_that_is_not_believed_is_marked(admitted: Maker) -> None:
    columns = [(measure, {"s": [1.0]}) for measure in (JUDGED, FORMAT)]

    (doubted,) = report_on(admitted(*columns, standing=Standing.INSUFFICIENT)).examples
    (believed,) = report_on(admitted(*columns)).examples

    assert doubted.trusted == {"equivalence.reference": False, "adherence.strict": True}
    assert believed.trusted == {"equivalence.reference": True, "adherence.strict": True}


def test_a_run_is_complete_when_nothing_is_left_for_a_resume(admitted: Maker) -> None:
    done = admitted((FORMAT, {"s": [1.0, FateCode.JUDGE_REFUSED, "no schema"]}))
    waiting = admitted((FORMAT, {"s": [1.0, None]}))

    assert report_on(done).complete
    assert not report_on(waiting).complete


def test_only_judged_measures_need_trust(admitted: Maker) -> None:
    columns = [(measure, {"teacher": [1.0], "student": [1.0]}) for measure in (JUDGED, FORMAT)]

    report = report_on(admitted(*columns))

    assert [trust.measure.metric for trust in report.trust] == ["equivalence.reference"]
    assert len(report.estimates) == 4
    assert len(report.retention) == 2
