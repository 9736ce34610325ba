"""What an output claims, one claim after another, each as a text that can be understood alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from judge.judges.sentences import Span, bullet_length, sentence_spans

CLAIMS_VERSION = "1"
"""Part of the signature of whoever judges claims."""

_MOST_JOINED = 3
"""Sentences that make one claim where each needs the one before it to be understood."""
_LONG, _TOO_LONG = 30, 400
"""Words between which a sentence may be cut into its clauses."""
_CLAUSE = 5
"""Fewest words of a clause."""

_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|`)(?=\S)(.{1,300}?)(?<=\S)\1(?!\w)")
_COLONS = ":\uff1a"
_HEADING = re.compile(r"#{1,6}\s+")
_RULE = re.compile(r"[\W_]*")
# An own word for nothing: a heading or a lead-in that says nothing of the source.
_EMPTY = re.compile(
    r"(?:(?:here|below)\s+(?:is|are|follows)\s+|this\s+is\s+)?(?:(?:in|to)\s+)?(?:the\s+|a\s+|an\s+)?"
    r"(?:(?:key|main|brief|short|executive|overall|quick|final)\s+)*"
    r"(?:summary|summari[sz]e|sum up|conclusions?|overview|introduction|background|points?|facts?"
    r"|highlights?|takeaways?|details?|tl;?dr|answer|short|brief|output|response|title|abstract)"
    r"(?:\s+(?:is|are)(?:\s+as\s+follows)?|\s+of\s+(?:the\s+)?(?:article|text|document|source"
    r"|report|passage|story))?\s*[:.\u2014-]*",
    re.IGNORECASE,
)
_ANAPHOR = re.compile(
    r"(?:(?:and|but|so|yet|then|however|also|moreover|still|later|in addition),?\s+)?"
    r"(?:he|she|it|they|this|these|those|his|her|hers|its|their|theirs|him|them|such|both"
    r"|the (?:former|latter|same|two))\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\W*(?:if|unless|although|though|when|while|because|since|after|before|whether|either|neither"
    r"|not only|as|once|until)\b",
    re.IGNORECASE,
)
# A subject that is named, and a verb.
_CLAUSE_BEGINS = (
    r"(?=(?:[Tt]he|[Aa]n?|[A-Z][\w-]+)\s+(?:[\w-]+\s+){0,3}?(?:is|are|was|were|has|have|had|will"
    r"|would|can|could|did|does|do|may|might|must|should|[a-z]{3,}ed)\b)"
)
_CUT = re.compile(
    r"(?:;\s+(?:(?:and|but|however,)\s+)?|,\s+(?:and|but|while|whereas)\s+)" + _CLAUSE_BEGINS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim of an output.

    Attributes:
        text: as it is judged: with the lead-in or the sentence it cannot be understood without,
            and without the marks of lists and emphasis.
        span: where in the output its own words are.
        around: what stands before it in the output; empty where nothing does.
    """

    text: str
    span: Span
    around: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an output claims.

    Attributes:
        skipped: parts that claim nothing, such as ``In summary:``, as they stand there.
    """

    claims: tuple[Claim, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A sentence, a line of a list or a heading, and what it is."""

    text: str
    span: Span
    listed: bool
    leads: bool
    after_blank: bool


def claims_of(output: str) -> Claims:
    """Return the claims of an output, in order; nothing but what says nothing is left out.

    A heading or a lead-in is judged together with what it leads to, and a sentence that begins with
    a pronoun together with the one before it.
    """
    found = _Found()
    for part in _parts(output):
        if _RULE.fullmatch(part.text) or _EMPTY.fullmatch(part.text):
            found.skipped.append(part.span.of(output))
        elif part.leads:
            found.take_lead(part)
        else:
            found.take(part)
    found.end_lead()
    return Claims(claims=tuple(found.claims), skipped=tuple(found.skipped))


class _Found:
    """The claims found so far, and the heading or lead-in that waits for what it leads to."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.skipped: list[str] = []
        self._sentences = 0  # of the last claim
        self._lead: _Part | None = None
        self._led = False
        self._around = ""

    def take_lead(self, part: _Part) -> None:
        self.end_lead()
        self._lead, self._led = part, False

    def end_lead(self) -> None:
        """Let go of the lead; one that led to nothing is a claim itself."""
        if self._lead is not None and not self._led:
            self._add(self._lead.text, self._lead.span)
        self._lead = None

    def take(self, part: _Part) -> None:
        # A heading leads the one part after it, a lead-in with a colon each line of its list.
        if (
            self._lead is not None
            and self._led
            and not (part.listed and self._lead.text[-1] in _COLONS)
        ):
            self._lead = None
        if self._lead is not None:
            self._led = True
            self._add(f"{self._lead.text} {part.text}", part.span)
        elif self._needs_the_last(part):
            last = self.claims[-1]
            span = Span(start=last.span.start, end=part.span.end)
            self.claims[-1] = replace(last, text=f"{last.text} {part.text}", span=span)
            self._sentences += 1
        else:
            self._add(part.text, part.span)
        self._around = part.text

    def _needs_the_last(self, part: _Part) -> bool:
        return (
            0 < self._sentences < _MOST_JOINED
            and not part.listed
            and not part.after_blank
            and _ANAPHOR.match(part.text) is not None
        )

    def _add(self, text: str, span: Span) -> None:
        self.claims += [
            Claim(text=clause, span=span, around=self._around) for clause in _clauses(text)
        ]
        self._sentences = 1


def _parts(output: str) -> Iterator[_Part]:
    spans = sentence_spans(output)
    for place, span in enumerate(spans):
        raw = span.of(output)
        mark = bullet_length(raw)
        heading = _HEADING.match(raw)
        text = _plain(raw[heading.end() if heading else mark :])
        before = output[spans[place - 1].end : span.start] if place else ""
        yield _Part(
            text=text,
            span=span,
            listed=bool(mark),
            leads=place + 1 < len(spans)
            and (bool(heading) or text[-1:] in set(_COLONS) or _is_title(output, spans, place)),
            after_blank=before.count("\n") > 1,
        )


def _is_title(output: str, spans: Sequence[Span], place: int) -> bool:
    """Whether a few words stand on a line of their own above something else, as a heading does."""
    span = spans[place]
    text = span.of(output)
    starts_line = not output[output.rfind("\n", 0, span.start) + 1 : span.start].strip()
    ends_line = "\n" in output[span.end : spans[place + 1].start]
    return (
        starts_line
        and ends_line
        and len(text.split()) <= _CLAUSE
        and text[-1] not in ".!?\u3002\uff01\uff1f"
        and not bullet_length(text)
        and not any(mark.isdigit() for mark in text)
    )


def _plain(text: str) -> str:
    return " ".join(_EMPHASIS.sub(r"\2", text).split())


def _clauses(sentence: str) -> list[str]:
    """Cut a long sentence where a clause with a subject of its own begins."""
    if not _LONG <= len(sentence.split()) <= _TOO_LONG or _CONDITION.match(sentence):
        return [sentence]
    clauses, start = [], 0
    for cut in _CUT.finditer(sentence):
        before, after = sentence[start : cut.start()], sentence[cut.end() :]
        if min(len(before.split()), len(after.split())) >= _CLAUSE and _balanced(before):
            clauses.append(f"{before}.")
            start = cut.end()
    return [*clauses, sentence[start:]]


def _balanced(text: str) -> bool:
    """Whether no quotation or bracket is open."""
    pairs = (("(", ")"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"), ("[", "]"))
    return text.count('"') % 2 == 0 and all(text.count(a) == text.count(b) for a, b in pairs)
