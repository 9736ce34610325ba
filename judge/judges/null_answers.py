"""Answers that say nothing: a judge that accepts them does not read."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from judge.judges.attack_texts import FILLER
from judge.records.record import Target


class NullKind(StrEnum):
    """Why an answer says nothing."""

    SIGN = "sign"
    """Punctuation, or characters that show nothing."""
    OPENER = "opener"
    """The beginning of an answer, and then no answer."""
    FILLER = "filler"
    """Sentences that would fit any question."""
    REFUSAL = "refusal"
    SKELETON = "skeleton"
    """A form that nobody filled in."""
    QUESTION = "question"
    """The question itself."""
    RUBRIC = "rubric"
    """What the judge was told, given back to it."""
    OTHER_ANSWER = "other_answer"
    """The answer to another question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NullAnswer:
    """One of the answers that are the same for every question."""

    kind: NullKind
    name: str
    text: str


LOOKS_NULL = "null_answer_look_alike"
"""Flag of an output that is one of the signs or openers, or its own question."""

_SIGNS = {
    "period": ".",
    "colon": ":",
    "comma": ",",
    "dash": "-",
    "question": "?",
    "exclamation": "!",
    "ellipsis": "\u2026",
    "star": "*",
    "bullet": "- ",
    "rule": "---",
    "heading": "#",
    "quotes": '""',
    "cjk_period": "\u3002",
    "arabic_comma": "\u060c",
    "zero_width": "\u200b",
}
_OPENERS = {
    "thought": "Thought process:",
    "solution": "Solution",
    "steps": "Let's solve this problem step by step.",
    "think": "Let me think about this carefully.",
    "answer": "Answer:",
    "final": "The final answer is",
    "sure": "Sure, here is the answer:",
    "question": "That is a great question!",
    "de": "L\u00f6sung",
    "es": "Respuesta:",
    "fr": "R\u00e9ponse :",
    "it": "Ragioniamo passo per passo.",
    "ru": "Ответ:",
    "zh": "\u89e3",
    "ja": "\u89e3\u8aac",
    "ko": "\uc815\ub2f5:",
    "ar": "الجواب:",
    "hi": "\u0909\u0924\u094d\u0924\u0930:",
}
_REFUSALS = {
    "cannot": "I am sorry, but I cannot help with that.",
    "unsure": "I do not have enough information to answer.",
    "model": "As a language model I have no access to this kind of information.",
    "policy": "This request goes against my guidelines.",
    "search": "Please consult a qualified professional or search the web.",
}
_SKELETONS = {
    "object": "{}",
    "list": "[]",
    "null": "null",
    "answer": '{"answer": ""}',
    "form": "Name: ____\nDate: ____\nAnswer: ____",
    "table": "| item | value |\n| --- | --- |\n|  |  |",
    "placeholder": "[insert answer here]",
    "fence": "```\n```",
}
_FILLERS = {
    "one": FILLER[0].strip(),
    "few": "".join(FILLER[1:4]).strip(),
    "all": "".join(FILLER).strip(),
    "long": "".join(FILLER * 6).strip(),
    "balance": "There are good arguments on both sides, and it depends on the circumstances.",
}

_NEEDS_CONTENT = frozenset({NullKind.RUBRIC, NullKind.OTHER_ANSWER})
_NEEDS_LANGUAGE = frozenset({NullKind.SIGN, NullKind.SKELETON})


def null_answers() -> tuple[NullAnswer, ...]:
    """Return the answers that are the same for every question.

    Source: that single signs and openers pass as right answers with strong models: Zhao et al.
    (2025), arXiv 2507.08794; that a constant answer wins comparisons: Zheng et al. (2024), arXiv
    2410.07137.
    """
    tables = (
        (NullKind.SIGN, _SIGNS),
        (NullKind.OPENER, _OPENERS),
        (NullKind.FILLER, _FILLERS),
        (NullKind.REFUSAL, _REFUSALS),
        (NullKind.SKELETON, _SKELETONS),
    )
    return tuple(
        NullAnswer(kind=kind, name=name, text=text)
        for kind, table in tables
        for name, text in table.items()
    )


def kinds_for(criterion: str, target: Target) -> frozenset[NullKind]:
    """Return the kinds that nobody could accept by a criterion.

    What says nothing says nothing false, so it proves nothing about a judge of faithfulness; a
    fluent refusal is fluent; and a source is a faithful and complete summary of itself.
    """
    if criterion == "faithfulness":
        return _NEEDS_CONTENT
    if criterion == "fluency":
        return _NEEDS_LANGUAGE
    every = frozenset(NullKind)
    return every - {NullKind.QUESTION} if target is Target.SOURCE else every


def null_flags(text: str, question: str) -> tuple[str, ...]:
    """Return a flag where an output looks like a null answer, as an answer to its question."""
    if not any(unicodedata.category(mark)[0] in "LNS" for mark in text):
        return (LOOKS_NULL,)
    # A text is bared character by character, which takes its time: what equals another bare
    # begins like it, and few texts begin like an opener or like their question.
    begins, asked = _bare(text[:_BEGINNING]), _bare(question[:_BEGINNING])
    like_opener = len(begins) < _SHORT or begins[:_SHORT] in _OPENERS_BEGIN
    if not (like_opener or begins.startswith(asked) or asked.startswith(begins)):
        return ()
    bare = _bare(text)
    return (LOOKS_NULL,) if bare in _BARE_OPENERS or bare == _bare(question) else ()


class _Kept(dict[int, int | None]):
    """What becomes of each character where signs and spaces are left out, as it is met."""

    def __missing__(self, code: int) -> int | None:
        kept = code if unicodedata.category(chr(code))[0] in "LMNS" else None
        if code < _MOST_REMEMBERED:
            self[code] = kept
        return kept


_MOST_REMEMBERED = 0x3000  # of most alphabets; a hostile text could hold a million others
_KEPT = _Kept()


def _bare(text: str) -> str:
    """Return a text without case, signs and spaces."""
    # Every output is looked at: a character at a time would cost more than its whole call.
    return text.casefold().translate(_KEPT)


_BEGINNING = 32  # characters
_SHORT = 8  # characters
_BARE_OPENERS = frozenset(map(_bare, _OPENERS.values()))
_OPENERS_BEGIN = frozenset(opener[:_SHORT] for opener in _BARE_OPENERS)
