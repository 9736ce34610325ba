from collections.abc import Mapping
from dataclasses import replace

import pytest

from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score, Vote
from judge.results.run import Result
from judge.trust.kept_outcomes import KeptOutcomes, OutcomeWriter

RECORDS = Dataset(
    items=tuple(Item(item_id=f"i{n}", cluster=f"i{n}") for n in range(4)),
    systems=(System(name="teacher", role=Role.TEACHER), System(name="s", role=Role.STUDENT)),
    outputs={"teacher": {}, "s": {}},
).records()
KEYS = [unit.key for unit in RECORDS.units]
SCORE = Score(
    scorer="equivalence",
    target=Target.REFERENCE,
    value=1.0,
    signature="s",
    label="equivalent",
    served="judge-1",
    flags=("doubted",),
    rationale="because",
    votes=(Vote(label="equivalent"),),
    details={"why": "because"},
)
WAITS = Fate(
    scorer="equivalence", target=Target.REFERENCE, code=FateCode.NOT_YET_SCORED, message="waits"
)
TIED = replace(
    WAITS, code=FateCode.PANEL_NO_MAJORITY, message="tied", votes=(Vote(label="different"),)
)
CAME: Mapping[RecordKey, Outcome] = {
    KEYS[6]: replace(SCORE, rationale="another"),
    KEYS[0]: SCORE,
    KEYS[3]: NotApplicable(scorer="equivalence", target=Target.REFERENCE, reason="none"),
    KEYS[1]: replace(SCORE, value=0.25, flags=()),
    KEYS[5]: TIED,
    KEYS[2]: replace(SCORE, value=0.75),
}


@pytest.fixture
def kept() -> KeptOutcomes:
    results = [
        Result(run_id="r", key=key, outcome=outcome, content="", duration_s=0.0)
        for key, outcome in CAME.items()
    ]
    writer = OutcomeWriter(RECORDS, lambda _: WAITS)
    assert all(writer.add(place, result) for place, result in enumerate(results))
    other = replace(results[0], key=RecordKey(item_id="gone", system="s"))
    assert not writer.add(len(results), other)
    return writer.outcomes(results)


def test_each_record_has_its_outcome_in_full_or_the_fate_of_having_none(
    kept: KeptOutcomes,
) -> None:
    assert list(kept) == KEYS
    assert len(kept) == 8
    assert kept == {key: CAME.get(key, WAITS) for key in KEYS}
    with pytest.raises(KeyError):
        _ = kept[RecordKey(item_id="gone", system="s")]


def test_facts_are_the_outcomes_without_rationale_votes_and_details(kept: KeptOutcomes) -> None:
    def bare(outcome: Outcome) -> Outcome:
        if isinstance(outcome, Score):
            return replace(outcome, rationale="", votes=(), details={})
        return replace(outcome, votes=()) if isinstance(outcome, Fate) else outcome

    assert kept.facts == {key: bare(outcome) for key, outcome in kept.items()}
    assert list(kept.facts) == KEYS
    assert kept.facts[KEYS[0]] is kept.facts[KEYS[6]]
