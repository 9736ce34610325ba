import json
import random
from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer

from judge.scorers.rouge import Rouge, Variant, rouge, rouge_words
from judge.scorers.task import Compared, Incomparable
from judge.scorers.words import words

DEMO = Path(__file__).parents[2] / "human_labels" / "demo"
THEIRS: dict[Variant, str] = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}


def _texts() -> list[str]:
    rows = [
        json.loads(line)
        for name in ("items", "sft", "distilled", "teacher")
        for line in (DEMO / f"{name}.jsonl").read_text().splitlines()
    ]
    found = [row[key] for row in rows for key in ("output", "reference", "input") if key in row]
    return [text[:600] for text in found if isinstance(text, str) and len(words(text)) > 1]


def _pairs() -> list[tuple[str, str]]:
    """Texts of the demo with each other, and with themselves shuffled and cut."""
    texts = [text for text in _texts() if text.isascii()]
    draw = random.Random(0)  # noqa: S311 - seeded, no secret
    pairs = [(draw.choice(texts), draw.choice(texts)) for _ in range(150)]
    for _ in range(150):
        text = draw.choice(texts)
        some = text.split()
        draw.shuffle(some)
        pairs.append((text, " ".join(some[: max(2, len(some) // 2)])))
    return pairs


def _value(found: Compared | Incomparable) -> float:
    assert isinstance(found, Compared)
    return found.value


@pytest.mark.parametrize("stemmer", [False, True])
def test_every_figure_is_that_of_rouge_score(*, stemmer: bool) -> None:
    theirs = RougeScorer(list(THEIRS.values()), use_stemmer=stemmer)
    pairs = _pairs()

    for wanted, given in pairs:
        expected = theirs.score(wanted, given)
        for variant, name in THEIRS.items():
            found = rouge(
                rouge_words(given, stemmer=stemmer), rouge_words(wanted, stemmer=stemmer), variant
            )
            ours = (found.precision, found.recall, found.f1)
            assert ours == pytest.approx(tuple(expected[name]), abs=1e-6)


class _OurWords:
    """Gives `rouge-score` our words, so that it can be asked about any script."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
            "\u65e5\u672c\u306e\u9996\u90fd\u306f\u6771\u4eac",
        ),
        (
            "\u0421\u0447\u0451\u0442 \u0431\u044b\u043b \u0442\u0430\u043c",
            "\u0441\u0447\u0451\u0442 \u0431\u044b\u043b \u0443 \u043d\u0430\u0441",
        ),
        ("Le caf\u00e9 est ferm\u00e9", "le caf\u00e9 \u00e9tait ferm\u00e9 hier"),
    ],
)
def test_other_scripts_are_compared_by_the_same_counts(given: str, wanted: str) -> None:
    theirs = RougeScorer(list(THEIRS.values()), tokenizer=_OurWords()).score(wanted, given)

    for variant, name in THEIRS.items():
        value = _value(Rouge(variant).compare(given, [wanted]))
        assert 0 < value == pytest.approx(theirs[name].fmeasure, abs=1e-6)


@pytest.mark.parametrize("variant", THEIRS)
def test_of_several_references_the_best_counts(variant: Variant) -> None:
    found = Rouge(variant).compare("the tax is due", ["no", "the tax is due", "bananas are"])

    assert _value(found) == 1.0


def test_a_stemmer_makes_forms_of_a_word_one_and_is_part_of_the_identity() -> None:
    plain, stemmed = Rouge("rouge_1"), Rouge("rouge_1", stemmer=True)

    values = [_value(one.compare("taxes rising", ["tax rise"])) for one in (plain, stemmed)]

    assert values == [0.0, 1.0]
    assert plain.identity != stemmed.identity


def test_a_reference_without_two_words_has_no_pairs_and_is_outside_n() -> None:
    found = Rouge("rouge_2").compare("yes", ["yes", "No."])

    assert isinstance(found, Incomparable)
    assert _value(Rouge("rouge_2").compare("yes", ["yes", "yes it is"])) == 0.0


@pytest.mark.parametrize("variant", ["rouge_1", "rouge_l"])
def test_signs_are_compared_where_a_text_has_no_word(variant: Variant) -> None:
    assert _value(Rouge(variant).compare("\U0001f44d", ["\U0001f44d"])) == 1.0
    assert _value(Rouge(variant).compare("\U0001f44e", ["\U0001f44d"])) == 0.0
