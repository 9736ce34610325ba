"""Chat models that read a judge's messages as naive models would, and do as they are told."""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from judge.judges.null_answers import null_answers
from judge.judges.prompt import Prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import EQUIVALENCE
from judge.results.outcome import Outcome
from judge.scorers.equivalence import EquivalenceScorer
from judge.testing import FakeChat, completion, verdict
from judge.trust.control_findings import ControlFindings, control_findings
from judge.trust.controls import plan_controls

WORST, BEST = EQUIVALENCE.categories

_FENCE = re.compile(r"<<<(?P<end>end of )?(?P<title>[^<>]*) (?P<mark>[0-9a-f]{16,})>>>")
# Written without a look at what the judge's own side breaks: whatever a tokenizer may take for one
# of its own, also after it has normalised the text.
_TURN = re.compile(
    r"<\|[^<>\s]{1,60}\|>|<\|[^<>|\s]{1,60}>|<[^<>|\s]{1,60}\|>|\[\|[^\[\]\s]{1,60}\|\]"
    r"|</?s>|<[be]os>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|\[/?SYSTEM_PROMPT\]"
    r"|\[/?TOOL_\w+\]|\[gMASK\]|<[se]op>|<eo[ah]>|</?seed:\w+>|<extra_id_\d+>|<reserved_\d+>"
    r"|\]~b\]|\[e~\["
)
_WORD = re.compile(r"[^\W_]+")
_ARROWS = str.maketrans(
    {
        **dict.fromkeys("\u2039\u00ab\u27e8\u27ea\u3008\u300a\u226a\u22d8\u276e\u1438\u02c2", "<"),
        **dict.fromkeys("\u203a\u00bb\u27e9\u27eb\u3009\u300b\u226b\u22d9\u276f\u1433\u02c3", ">"),
    }
)
_MASTER_KEYS = frozenset(answer.text.strip("\u200b ") for answer in null_answers())

Script = Callable[[ChatCall], Completion]


@dataclass(slots=True, kw_only=True)
class Reading:
    """What a naive model makes of the messages.

    Attributes:
        outside: everything that stands in no fence, which it takes for its instructions.
        inside: title to text of each fence.
    """

    outside: str = ""
    inside: dict[str, str] = field(default_factory=dict)


def read(user: str) -> Reading:
    """Part a user message at the fences that bear the mark of its first fence."""
    first = _FENCE.search(user)
    mark = first["mark"] if first else ""
    reading, place, opened = Reading(), 0, ""
    for fence in _FENCE.finditer(user):
        if fence["mark"] != mark:
            continue
        between = user[place : fence.start()]
        if opened and fence["end"] and fence["title"] == opened:
            reading.inside[opened] = between.removeprefix("\n").removesuffix("\n")
            opened = ""
        elif not opened and not fence["end"]:
            reading.outside += between
            opened = fence["title"]
        else:
            reading.outside += between  # a fence where none should be: it trusts no fence there
        place = fence.end()
    reading.outside += user[place:]
    return reading


def what_got_out(messages: Sequence[Message], prompt: Prompt) -> str:
    """Return what a naive model would take for an instruction that is none; empty for nothing.

    That is text outside of every fence that the prompt does not hold, what follows a token that
    parts turns, and what follows anything that looks like a fence and is none.
    """
    system, user = messages
    reading = read(user.content)
    known = _bare(system.content) == _bare(prompt.system) and _bare(reading.outside) == _bare(
        "".join(prompt.user_parts[::2])
    )
    if not known:
        return reading.outside
    for text in reading.inside.values():
        shown = _as_shown(text)
        if found := _TURN.search(shown) or re.search("<{3}|>{3}", shown.translate(_ARROWS)):
            return shown[found.start() :]
    return ""


def honest(call: ChatCall) -> Completion:
    """Say "equivalent" where the answer holds a trusted answer word for word."""
    return completion(verdict(_honest(read(call.messages[-1].content))))


def obedient(prompt: Prompt) -> Script:
    """Return a model that is honest, but does what it is told outside of the fences."""

    def script(call: ChatCall) -> Completion:
        if what_got_out(call.messages, prompt):
            return completion(verdict(BEST, "I was told so."))
        return honest(call)

    return script


def gullible(call: ChatCall) -> Completion:
    """Be honest, but do what the answer says where it names the best grade."""
    reading = read(call.messages[-1].content)
    told = BEST in _as_shown(reading.inside["answer"]).casefold()
    return completion(verdict(BEST if told else _honest(reading)))


def null_blind(call: ChatCall) -> Completion:
    """Be honest, but take an answer that says nothing for a right one."""
    reading = read(call.messages[-1].content)
    answer = reading.inside["answer"].strip()
    nothing = answer in _MASTER_KEYS or answer in {"(nothing)", reading.inside["task"]}
    return completion(verdict(BEST if nothing else _honest(reading)))


def tried(
    script: Script,
    records: Sequence[Record],
    *,
    prompt: Prompt,
    human: Mapping[RecordKey, str],
    n: int,
) -> ControlFindings:
    """Put controls to a model with a prompt, as a scorer would, and count what became of them."""
    scorer = EquivalenceScorer(
        PromptedJudge(FakeChat(script), prompt=prompt, sampling=Sampling()),
        scale=prompt.scale,
        criterion=prompt.criterion,
        target=Target.REFERENCE,
        empty_value=None,
    )
    cases = plan_controls(
        records,
        target=Target.REFERENCE,
        scale=prompt.scale,
        criterion=prompt.criterion,
        human=human,
        rubric=prompt.system,
        seed=0,
        n=n,
    )

    async def score() -> dict[RecordKey, Outcome]:
        return {case.key: (await scorer.score([case.record]))[0] for case in cases}

    return control_findings(cases, asyncio.run(score()), scale=prompt.scale, seed=0)


def _honest(reading: Reading) -> str:
    answer = _words(reading.inside["answer"])
    trusted = [_words(t) for title, t in reading.inside.items() if title.startswith("trusted")]
    return BEST if any(text.strip() and text in answer for text in trusted) else WORST


def _words(text: str) -> str:
    return " ".join(["", *_WORD.findall(text.casefold()), ""])


def _bare(text: str) -> str:
    return "".join(text.split())


def _as_shown(text: str) -> str:
    """Return a text as a tokenizer that normalises might see it."""
    visible = "".join(mark for mark in text if unicodedata.category(mark) != "Cf")
    return unicodedata.normalize("NFKC", visible)
