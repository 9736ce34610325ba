from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from judge.records.rating import LabelSource
from judge.records.record import RecordKey
from judge.render.page import Section
from judge.render.similarity_json import similarity_json
from judge.render.similarity_section import similarity_sections
from judge.reports.report import Report
from judge.reports.similarity import RightFrom, SimilarityFindings, SimilarSystem
from judge.results.outcome import Score
from judge.results.yardstick import BlindSpot, Yardstick
from judge.stats.estimate import Estimate, Undefined
from judge.stats.threshold import Threshold
from judge.trust.gold import RightOrWrong

SPOT = BlindSpot(change="number", n=6, paraphrase=0.77, altered=0.88, blind=5, told=6)


def _at(value: float) -> Estimate:
    return Estimate(
        value=value, low=value - 0.1, high=value, level=0.95, n=9, n_clusters=9, method="test"
    )


def _findings(*, paraphrase: bool = True, labels: LabelSource | None = None) -> SimilarityFindings:
    threshold = Threshold(threshold=_at(0.4), informedness=_at(0.5), fitted=0.55)
    return SimilarityFindings(
        metric="similarity.reference",
        systems=(
            SimilarSystem(
                system="student",
                mean=_at(0.62),
                place=0.8 if paraphrase else None,
                truncated=_at(0.25),
            ),
        ),
        yardstick=Yardstick(
            run_id="r",
            metric="similarity.reference",
            figures={
                "random": _at(0.07),
                "random_high": _at(0.25),
                **({"paraphrase": _at(0.76)} if paraphrase else {}),
            },
            undefined={} if paraphrase else {"paraphrase": "one answer to each item"},
            token_limit=256,
            blind_spots=(SPOT,),
        ),
        labelled=Undefined(reason="no labels by people against the reference")
        if labels is None
        else RightOrWrong(
            criterion="equivalence",
            source=labels,
            right={RecordKey(item_id="i0", system="student"): True},
        ),
        right_from=()
        if labels is None
        else (RightFrom(system="", slice="overall", auc=_at(0.81), threshold=threshold),),
    )


def _section(report: Report, findings: SimilarityFindings) -> Section:
    (section,) = similarity_sections(replace(report, similarity=(findings,)))
    return section


@pytest.fixture(scope="module")
def one_record(report_of: Callable[..., Report]) -> Report:
    return report_of({"similarity.reference": {"student": [0.62]}})


def test_a_similarity_stands_beside_what_it_is_by_chance_and_between_right_answers(
    one_record: Report,
) -> None:
    section = _section(one_record, _findings())

    assert section.title == "Similarity"
    assert section.lines[:2] == [
        (
            "similarity.reference: an output and the answer to another item are "
            "0.070 [-0.030, 0.070] alike, 19 of 20 of those under 0.250"
        ),
        "similarity.reference: two right answers to an item are 0.760 [0.660, 0.760] alike",
    ]
    assert section.tables[0].rows == [
        [
            "similarity.reference  student",
            "0.620 [0.520, 0.620]",
            "0.80",
            "25.0 % [15.0, 25.0]",
        ]
    ]


def test_what_is_not_known_is_said_with_its_reason(one_record: Report) -> None:
    section = _section(one_record, _findings(paraphrase=False))

    assert section.lines[1:] == [
        (
            "similarity.reference: how alike two right answers are is not known: "
            "one answer to each item"
        ),
        "similarity.reference: no labels by people against the reference",
    ]
    assert section.tables[0].rows[0][2] == "-"


@pytest.mark.parametrize("source", LabelSource)
def test_a_threshold_says_whose_labels_it_is_fitted_on(
    one_record: Report, source: LabelSource
) -> None:
    section = _section(one_record, _findings(labels=source))

    assert section.tables[1].rows == [
        [
            "similarity.reference  all",
            *("0.810 [0.710, 0.810]", "0.400 [0.300, 0.400]", "0.500 [0.400, 0.500]"),
        ]
    ]
    constructed = any("an author's, not people's" in line for line in section.lines)
    assert constructed is (source is LabelSource.CONSTRUCTED)


def test_what_the_model_does_not_see_is_shown(one_record: Report) -> None:
    section = _section(one_record, _findings())

    assert section.tables[1].rows == [["number", "0.770", "0.880", "5 of 6", "6 of 6"]]


DETAILS: Mapping[str, Mapping[str, object]] = {
    "by sentence": {
        "missed": [{"text": "It was\n\x1b[31mlate."}, {"text": "He left."}],
        "added": [],
    },
    "by fact": {
        "missing": [{"kind": "name", "text": "It was late."}, {"kind": "name", "text": "He left."}],
        "added": [],
    },
}


@pytest.mark.parametrize("details", DETAILS.values(), ids=DETAILS)
def test_the_worst_outputs_are_shown_with_what_they_miss_and_add(
    one_record: Report, details: Mapping[str, object]
) -> None:
    (example,) = one_record.examples
    outcome = example.outcomes["similarity.reference"]
    assert isinstance(outcome, Score)
    told = replace(example, outcomes={"similarity.reference": replace(outcome, details=details)})

    section = _section(replace(one_record, examples=(told,)), _findings())

    ((name, score, misses, adds),) = section.tables[-1].rows
    assert (name, score, adds) == ("similarity.reference  i0 of student", "0.620", "-")
    assert misses.replace("\\u001b[31m", "") == "It was late. | He left."


def test_where_nothing_was_compared_there_is_no_section(
    report_of: Callable[..., Report],
) -> None:
    report = report_of({"adherence.strict": {"student": [1.0]}})

    assert similarity_sections(report) == []
    assert similarity_json(report.similarity) == {}
