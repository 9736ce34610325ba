from collections.abc import Callable

import pytest

from judge.reports.example_index import Asked, decode_index, encode_index, example_index
from judge.results.outcome import FateCode
from judge.trust.admission import AdmittedResults
from tests.reports.paired_sides import FACT, JUDGED
from tests.reports.test_worth import ALIKE

Maker = Callable[..., AdmittedResults]
VERDICTS = {"teacher": [1.0, 1.0, 1.0], "student": [1.0, 0.0, FateCode.JUDGE_REFUSED]}
FACTS = {"teacher": [1.0, 1.0, "no schema"], "student": [0.0, 1.0, "no schema"]}
SLICES = [{"kind": "a"}, {"kind": "b"}, {"kind": "b"}]


def _places(results: AdmittedResults, **asked: str) -> list[int]:
    index = decode_index(encode_index(example_index(results, version="1")))
    return sorted(int(place) for place in index.places(Asked(**asked)))


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"system": "student"}, [3, 4, 5]),
        ({"slice": "kind=b"}, [1, 2, 4, 5]),
        ({"system": "student", "slice": "kind=b"}, [4, 5]),
        ({"metric": FACT.metric}, [0, 1, 3, 4]),  # what it does not apply to is not in it
        ({"show": "wrong"}, [3, 4]),
        ({"metric": JUDGED.metric, "show": "wrong"}, [4]),
        ({"metric": JUDGED.metric, "show": "right"}, [0, 1, 2, 3]),
        ({"show": "fate:judge_refused"}, [5]),
        ({"show": "missing"}, [5]),
        ({"metric": JUDGED.metric, "show": "label:different"}, [4]),
        ({"show": "teacher"}, [3, 4]),
        ({"system": "nobody"}, []),
        ({"show": "nothing we know"}, []),
    ],
)
def test_examples_are_found_by_what_they_are_like(
    admitted: Maker, asked: dict[str, str], places: list[int]
) -> None:
    results = admitted((JUDGED, VERDICTS), (FACT, FACTS), slices=SLICES)

    assert _places(results, **asked) == places


def test_of_one_metric_the_lowest_come_first(admitted: Maker) -> None:
    index = example_index(admitted((ALIKE, {"student": [0.5, 0.1, 0.9]})), version="1")

    assert index.places(Asked(metric=ALIKE.metric)).tolist() == [1, 0, 2]


def test_of_all_those_most_worth_a_look_come_first(admitted: Maker) -> None:
    index = example_index(admitted((JUDGED, VERDICTS)), version="1")

    assert index.places(Asked()).tolist()[:2] == [4, 5]


def test_what_can_be_asked_for_is_what_there_is(admitted: Maker) -> None:
    index = example_index(admitted((JUDGED, VERDICTS), (FACT, FACTS)), version="1")

    assert index.shown(FACT.metric) == ["right", "wrong", "low", "teacher"]
    assert "fate:judge_refused" in index.shown("")


@pytest.mark.parametrize(
    ("show", "metric", "withheld"),
    [
        ("", "", False),
        ("people", "", False),
        ("missing", "", False),
        ("fate:judge_refused", "", False),
        ("wrong", "", True),
        ("low", JUDGED.metric, True),
        ("label:equivalent", JUDGED.metric, True),
        ("wrong", FACT.metric, False),
    ],
)
def test_a_count_that_would_be_the_withheld_number_is_known(
    admitted: Maker, show: str, metric: str, *, withheld: bool
) -> None:
    columns = (JUDGED, VERDICTS), (FACT, FACTS)
    asked = Asked(show=show, metric=metric)

    doubted = example_index(admitted(*columns, standing=None), version="1")
    believed = example_index(admitted(*columns), version="1")

    assert doubted.rests_on_unbelieved_verdicts(asked) is withheld
    assert not believed.rests_on_unbelieved_verdicts(asked)
    assert believed.valid_until
