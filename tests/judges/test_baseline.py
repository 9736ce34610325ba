import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from judge.judges.baseline import BaselineJudge, content_words, numbers, sentences
from judge.judges.judge import JudgedCase, Judgement
from judge.models.embedding import Embedder, SharedEmbedder, Vectors
from judge.records.record import RecordKey, Target
from judge.testing import HashEmbedder

CASE = JudgedCase(
    key=RecordKey(item_id="i1", system="student"),
    case_id="equivalence.reference/student/i1",
    target=Target.REFERENCE,
    input="",
    candidate="",
    against=("",),
)


class _FixedEmbedder:
    """Gives each text the vector a table holds."""

    def __init__(self, vectors: Mapping[str, Sequence[float]]) -> None:
        self._vectors = vectors

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "fixed"}

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)


def _judged(cases: Sequence[JudgedCase], *, embedder: Embedder | None = None) -> list[Judgement]:
    async def judge() -> list[Judgement]:
        baseline = BaselineJudge(SharedEmbedder(embedder or HashEmbedder()))
        return await asyncio.gather(*(baseline.judge(case) for case in cases))

    return asyncio.run(judge())


def _judge(
    candidate: str, *against: str, task: str = "", embedder: Embedder | None = None
) -> Judgement:
    case = replace(CASE, candidate=candidate, against=against, input=task)
    return _judged([case], embedder=embedder)[0]


def test_the_formula_gives_what_it_gives_by_hand() -> None:
    # Of the content words "paris" and "france" the first is there: W = 1/2. The first sentence is
    # closer than the whole: M = 0.8. The agreement is (0.5 + 0.8) / 2 = 0.65, and that is enough.
    embedder = _FixedEmbedder(
        {
            "Paris is in France.": [1, 0],
            "It lies in Paris. It rains.": [0.6, 0.8],
            "It lies in Paris.": [0.8, 0.6],
            "It rains.": [0, 1],
        }
    )

    found = _judge("It lies in Paris. It rains.", "Paris is in France.", embedder=embedder)

    assert found.label == "equivalent"
    assert found.details["words"] == 0.5
    assert found.details["meaning"] == pytest.approx(0.8, abs=1e-6)
    assert found.details["agreement"] == pytest.approx(0.65, abs=1e-6)


@pytest.mark.parametrize(
    ("cosine", "label"), [(0.52, "equivalent"), (0.5, "equivalent"), (0.48, "different")]
)
def test_the_verdict_turns_at_one_half(cosine: float, label: str) -> None:
    vector = [cosine, (1 - cosine**2) ** 0.5]
    embedder = _FixedEmbedder({"red house": [1, 0], "red boat": vector})

    assert _judge("red boat", "red house", embedder=embedder).label == label


@pytest.mark.parametrize(
    ("candidate", "answer", "label", "missing"),
    [
        ("The fee is 40 euros.", "The fee is 40 euros.", "equivalent", []),
        ("The fee is 14 euros.", "The fee is 40 euros.", "different", ["40"]),
        ("The fee is euros.", "The fee is 40 euros.", "different", ["40"]),
        ("The fee is 1240 euros.", "The fee is 1,240.00 euros.", "equivalent", []),
        ("The fee is 1,204 euros.", "The fee is 1,240 euros.", "different", ["1240"]),
        ("The fee is 40 euros for 2 days.", "The fee is 40 euros.", "equivalent", []),
        ("On 3 May, 5 came.", "On 5 May, 7 came.", "different", ["7"]),
    ],
)
def test_a_changed_number_is_another_answer(
    candidate: str, answer: str, label: str, missing: list[str]
) -> None:
    found = _judge(candidate, answer)

    assert (found.label, found.details["missing_numbers"]) == (label, missing)


def test_of_several_right_answers_the_one_that_fits_best_counts() -> None:
    far, near = "bananas are yellow", "the invoice was paid in June"

    found, turned = _judge(near, far, near), _judge(near, near, far)

    assert found == turned
    assert found.label == "equivalent"
    assert found.details["agreement"] == 1.0
    assert found.details["closest_source_sentence"] == near


def test_a_right_answer_that_agrees_beats_a_closer_one_whose_number_is_missing() -> None:
    closer = "the invoice of the garage was paid in full on day 3"
    agrees = "the invoice of the garage was paid in full in spring"

    found = _judge("the invoice of the garage was paid in full on day", closer, agrees)

    assert found.label == "equivalent"
    assert found.details["missing_numbers"] == []


def test_it_names_the_words_nothing_supports_and_the_sentence_that_comes_closest() -> None:
    found = _judge(
        "Anna moved to Berlin with a parrot.",
        "Anna moved to Berlin.",
        task="Tom stayed at home. Anna packed and moved to Berlin. It rained.",
    )

    assert found.details["unsupported_words"] == ["parrot"]
    assert found.details["closest_source_sentence"] == "Anna packed and moved to Berlin."
    assert "words nothing supports: parrot" in found.rationale
    assert '"Anna packed and moved to Berlin."' in found.rationale


def test_it_names_what_was_not_found() -> None:
    found = _judge("Tom moved.", "Anna moved on 3 June.")

    assert found.label == "different"
    assert "numbers not found: 3" in found.rationale
    assert "words not found: anna, 3, june" in found.rationale


def test_without_a_source_the_evidence_comes_from_the_right_answers() -> None:
    found = _judge("Anna moved.", "It rained. Anna moved away.", "Nobody came.")

    assert found.details["closest_source_sentence"] == "Anna moved away."


def test_a_negation_is_not_seen_as_its_description_says() -> None:
    assert _judge("The fee is not refundable.", "The fee is refundable.").label == "equivalent"


def test_a_verdict_depends_neither_on_its_neighbours_nor_on_their_order() -> None:
    texts = [f"answer {i} of {i % 7}. And {i % 5} more." for i in range(40)]
    cases = [replace(CASE, candidate=text, against=(texts[-1], text[:9])) for text in texts]
    order = random.Random(7).sample(range(40), 40)  # noqa: S311 - an order, no secret

    together, alone = _judged(cases), [_judged([case])[0] for case in cases]
    shuffled = dict(zip(order, _judged([cases[place] for place in order]), strict=True))

    assert together == alone
    assert together == [shuffled[place] for place in range(40)]


HOSTILE = st.text() | st.text(alphabet="0123456789.,\u0663\u00b2 -\n!?_", max_size=80)


@settings(max_examples=150, deadline=None)
@given(candidate=HOSTILE, against=st.lists(HOSTILE, min_size=1, max_size=3), task=HOSTILE)
@example(candidate="", against=[""], task="")
@example(candidate="9" * 5_000, against=["1" + "," + "000" * 2_000], task="." * 9_000)
@example(candidate="\x00\u202e\ufeff", against=["\U000e0041"], task="\u0301")
def test_no_text_is_too_hostile_for_a_verdict(
    candidate: str, against: list[str], task: str
) -> None:
    found = _judge(candidate, *against, task=task)

    assert found.label in ("different", "equivalent")
    assert json.dumps(dict(found.details), allow_nan=False)
    assert found.rationale


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The invoice was PAID, the Invoice!", ["invoice", "paid"]),
        ("Caf\u00e9 na\u00efve \ufb01ne", ["cafe", "naive", "fine"]),
        ("Stra\u00dfe", ["strasse"]),
        ("due_date: 3 June", ["due", "date", "3", "june"]),
        ("To be or not to be", ["to", "be", "or", "not"]),
        ("日本語、中文。", ["日本語", "中文"]),
        ("!?", []),
        ("", []),
    ],
)
def test_content_words_are_the_distinct_words_that_carry_meaning(
    text: str, words: list[str]
) -> None:
    assert content_words(text) == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,240.00 and 1240 and 1240.0", ["1240"]),
        ("0.50 007", ["0.5", "7"]),
        ("12,345,678.9", ["12345678.9"]),
        ("1,2345 and 1,200,3000", ["1", "2345", "1200", "3000"]),
        ("3 May 2026, at 10:15.", ["3", "2026", "10", "15"]),
        ("\u0661\u0662", ["12"]),
        ("x\u00b2 and \u2460", []),
        ("9" * 400, ["9" * 400]),
        ("0.0", ["0"]),
        ("none", []),
    ],
)
def test_numbers_have_one_notation(text: str, found: list[str]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("a list\n- of\n\n- lines", ["a list", "- of", "- lines"]),
        ("It costs 3.50 euros.", ["It costs 3.50 euros."]),
        (" \n ", []),
    ],
)
def test_sentences_end_at_marks_and_lines(text: str, found: list[str]) -> None:
    assert sentences(text) == found


def test_the_identity_names_the_formula_and_what_embeds() -> None:
    identities = [
        dict(BaselineJudge(SharedEmbedder(HashEmbedder(dim=dim))).identity) for dim in (256, 128)
    ]

    assert identities[0].items() >= {"judge": "baseline", "formula": "1"}.items()
    assert identities[0] != identities[1]
