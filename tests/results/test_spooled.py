from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from judge.records import spool
from judge.records.record import RecordKey, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score, Vote
from judge.results.run import Result
from judge.results.spooled import SpooledResults, StoredResult, spooled_results
from judge.results.store import newest

SCORE = Score(
    scorer="equivalence",
    target=Target.REFERENCE,
    value=0.5,
    signature="s",
    label="partly",
    rationale="It says “no” \u2028 twice.",
    served="judge-1",
    flags=("doubted",),
    votes=(Vote(label="partly", order="ab"), Vote(label="no", order="ba", own=False)),
    details={"fingerprint": "fp", "counts": [1, 2]},
)
FATE = Fate(
    scorer="equivalence",
    target=Target.REFERENCE,
    code=FateCode.JUDGE_UNAVAILABLE,
    message="no answer",
    attempts=3,
)
NOTHING = NotApplicable(scorer="adherence", target=Target.SCHEMA, reason="no schema")


def _result(item: str, outcome: Outcome, *, revision: int = 0) -> Result:
    key = RecordKey(item_id=item, system="org/model")
    return Result(
        run_id="r", key=key, outcome=outcome, content=f"c{item}", revision=revision, duration_s=0.25
    )


RESULTS = [
    _result("a", FATE),
    _result("b", SCORE),
    _result("b", NOTHING),
    _result("c", FATE),
    _result("a", SCORE, revision=2),
    _result("d", replace(SCORE, target=Target.TEACHER)),
    _result("a", replace(SCORE, label="late"), revision=1),
    _result("c", replace(FATE, attempts=4), revision=1),
    _result("e", SCORE, revision=1),
]


def _spooled(results: Sequence[Result]) -> SpooledResults:
    return spooled_results(
        "r",
        (
            StoredResult(
                item_id=one.key.item_id,
                system=one.key.system,
                scorer=one.outcome.scorer,
                target=one.outcome.target.value,
                kind=type(one.outcome).__name__,
                content=one.content,
                revision=one.revision,
                duration_s=one.duration_s,
                body=msgspec.json.encode(one.outcome),
            )
            for one in results
        ),
    )


@pytest.fixture(params=[0, spool.HELD], ids=["in a file", "small"], autouse=True)
def _place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HELD", request.param)


@pytest.mark.parametrize("results", [[], RESULTS[:4], RESULTS])
def test_the_newest_of_each_comes_in_order_of_arrival_as_it_was_stored(
    results: list[Result],
) -> None:
    found, expected = _spooled(results), newest(results)

    assert found == expected
    assert expected == found
    assert list(found) == expected
    assert [found[place] for place in range(len(found))] == expected
    assert found[1:3] == expected[1:3]
    assert found[-1:] == expected[-1:]


def test_results_that_differ_in_a_word_are_not_equal() -> None:
    changed = [*RESULTS[:3], _result("c", replace(FATE, message="another"))]

    assert _spooled(RESULTS[:4]) != changed
    assert _spooled(RESULTS[:4]) != RESULTS[:3]
    with pytest.raises(IndexError):
        _ = _spooled(RESULTS[:4])[4]
