import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from judge.judges.baseline import BaselineJudge
from judge.models.embedding import SharedEmbedder, Vectors
from judge.records.record import Record, Target
from judge.records.scale import EQUIVALENCE as SCALE
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.alignment import AlignmentScorer
from judge.scorers.answers import ExactMatch, TokenF1
from judge.scorers.classification import LabelAccuracy
from judge.scorers.equivalence import EquivalenceScorer
from judge.scorers.extraction import FieldF1
from judge.scorers.field_values import FieldRules
from judge.scorers.rouge import Rouge
from judge.scorers.scorer import Scorer
from judge.scorers.similarity import SimilarityScorer
from judge.scorers.task import Comparison, TaskScorer
from judge.scorers.token_matching import TokenMatchingScorer
from judge.testing import HashEmbedder

SCHEMA = '{"type":"string"}'
# Quoted, so that one answer is right for all: as a text, as a JSON document, by its schema.
RIGHT, WRONG = '"the invoice is paid"', '["bananas are yellow"]'
RECORD = Record(
    item_id="i1",
    system="student",
    input="Is the invoice paid?",
    output=RIGHT,
    references=(RIGHT,),
    teacher_output=RIGHT,
    schema=SCHEMA,
    slices={},
    cluster="i1",
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A scorer under the contract.

    Attributes:
        make: makes it, the same each time.
        pointless: the record with nothing left to hold its output against.
        absent_is_measured: whether a missing output is a fact it measures, and not a fate.
    """

    make: Callable[[], Scorer]
    pointless: Record
    absent_is_measured: bool = False


def equivalence(target: Target) -> Scorer:
    return EquivalenceScorer(
        BaselineJudge(SharedEmbedder(HashEmbedder())),
        scale=SCALE,
        criterion="equivalence",
        target=target,
        empty_value=0.0,
    )


def similarity(target: Target) -> Scorer:
    return SimilarityScorer(SharedEmbedder(HashEmbedder()), target=target, empty_value=None)


class Words:
    """A token is a word."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "words"}

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        return [HashEmbedder().embed(text.split()) for text in texts]


def task(comparison: Comparison) -> Case:
    return Case(
        make=lambda: TaskScorer(comparison, target=Target.REFERENCE),
        pointless=replace(RECORD, references=()),
        absent_is_measured=True,
    )


WITHOUT_REFERENCE = replace(RECORD, references=())
WITHOUT_TEACHER = replace(RECORD, teacher_output=None)
CASES = {
    "equivalence.reference": Case(
        make=lambda: equivalence(Target.REFERENCE), pointless=WITHOUT_REFERENCE
    ),
    "equivalence.teacher": Case(
        make=lambda: equivalence(Target.TEACHER), pointless=WITHOUT_TEACHER
    ),
    "similarity.reference": Case(
        make=lambda: similarity(Target.REFERENCE), pointless=WITHOUT_REFERENCE
    ),
    "similarity.teacher": Case(make=lambda: similarity(Target.TEACHER), pointless=WITHOUT_TEACHER),
    "alignment.reference": Case(
        make=lambda: AlignmentScorer(
            SharedEmbedder(HashEmbedder()), target=Target.REFERENCE, empty_value=None
        ),
        pointless=WITHOUT_REFERENCE,
    ),
    "token_matching.reference": Case(
        make=lambda: TokenMatchingScorer(Words(), target=Target.REFERENCE, empty_value=None),
        pointless=WITHOUT_REFERENCE,
    ),
    "adherence.strict": Case(
        make=lambda: AdherenceScorer([SCHEMA]),
        pointless=replace(RECORD, schema=""),
        absent_is_measured=True,
    ),
    **{
        f"{comparison.scorer}.reference": task(comparison)
        for comparison in (
            ExactMatch(),
            TokenF1(),
            Rouge("rouge_1"),
            Rouge("rouge_2"),
            Rouge("rouge_l", stemmer=True),
            LabelAccuracy([RIGHT, WRONG]),
            FieldF1(FieldRules()),
        )
    },
}
on_each_scorer = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def scored(scorer: Scorer, batch: Sequence[Record]) -> Sequence[Outcome]:
    async def score() -> Sequence[Outcome]:
        return await scorer.score(batch)

    return asyncio.run(score())


def value(outcome: Outcome) -> float:
    assert isinstance(outcome, Score)
    return outcome.value


@pytest.mark.parametrize(("metric", "case"), CASES.items())
def test_its_measure_names_the_metric(metric: str, case: Case) -> None:
    assert case.make().measure.metric == metric


@on_each_scorer
def test_each_record_has_one_outcome_in_its_place_whatever_stands_beside_it(case: Case) -> None:
    right = [index % 3 == 0 for index in range(12)]
    batch = [
        replace(RECORD, item_id=str(index), output=RIGHT if is_right else WRONG)
        for index, is_right in enumerate(right)
    ]
    batch[5:5] = [case.pointless, replace(RECORD, output=None), replace(RECORD, output=" ")]

    found = list(scored(case.make(), batch))

    assert len(found) == len(batch)
    del found[5:8]
    best = case.make().measure.upper
    assert [value(outcome) == pytest.approx(best) for outcome in found] == right


@on_each_scorer
def test_a_batch_scores_as_its_records_do_one_by_one(case: Case) -> None:
    batch = [
        RECORD,
        replace(RECORD, output=WRONG),
        case.pointless,
        replace(RECORD, output=None),
        replace(RECORD, output=""),
        replace(RECORD, output="the invoice \x00 is paid \U0001f600"),
    ]

    together = scored(case.make(), batch)
    alone = [scored(case.make(), [record])[0] for record in batch]

    assert list(together) == alone


@on_each_scorer
def test_an_empty_batch_has_no_outcomes(case: Case) -> None:
    assert list(scored(case.make(), [])) == []


@on_each_scorer
def test_every_outcome_names_its_scorer_and_target(case: Case) -> None:
    scorer = case.make()

    found = scored(scorer, [RECORD, replace(RECORD, output=None), case.pointless])

    measure = scorer.measure
    assert {(one.scorer, one.target) for one in found} == {(measure.scorer, measure.target)}


@on_each_scorer
def test_every_score_stands_on_the_scale_and_carries_the_signature(case: Case) -> None:
    scorer = case.make()

    found = scored(scorer, [RECORD, replace(RECORD, output=WRONG)])

    measure = scorer.measure
    for outcome in found:
        assert isinstance(outcome, Score)
        assert measure.lower <= outcome.value <= measure.upper
        assert outcome.signature == measure.signature
        assert outcome.label in (measure.categories or {""})


@on_each_scorer
def test_with_nothing_to_hold_it_against_a_record_is_outside_n(case: Case) -> None:
    (found,) = scored(case.make(), [case.pointless])

    assert isinstance(found, NotApplicable)
    assert found.reason


@on_each_scorer
@pytest.mark.parametrize(
    ("output", "code"),
    [(None, FateCode.OUTPUT_MISSING), ("", FateCode.OUTPUT_EMPTY), (" \n", FateCode.OUTPUT_EMPTY)],
)
def test_an_absent_output_is_named_and_never_a_middling_score(
    case: Case, output: str | None, code: FateCode
) -> None:
    scorer = case.make()

    (found,) = scored(scorer, [replace(RECORD, output=output)])

    if case.absent_is_measured:
        assert isinstance(found, Score)
        assert (found.value, found.flags) == (scorer.measure.lower, (code.value,))
    else:
        assert isinstance(found, Fate)
        assert (found.code, found.attempts) == (code, 0)


@on_each_scorer
def test_its_identity_is_named_in_words_and_scoring_does_not_change_it(case: Case) -> None:
    scorer = case.make()
    before = dict(scorer.measure.identity)

    scored(scorer, [RECORD, case.pointless])

    assert scorer.measure.identity == before == case.make().measure.identity
    assert before
    assert all(isinstance(word, str) for word in before.values())
    assert scorer.measure.signature == case.make().measure.signature


@on_each_scorer
def test_its_evidence_can_be_stored_as_json(case: Case) -> None:
    found = scored(case.make(), [RECORD, replace(RECORD, output=WRONG)])

    for outcome in found:
        assert isinstance(outcome, Score)
        details = dict(outcome.details)
        assert json.loads(json.dumps(details, allow_nan=False)) == details
