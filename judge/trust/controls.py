"""Controls for a judge: answers that nobody should accept, drawn to be mixed blind among others."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from itertools import cycle, islice, zip_longest
from types import MappingProxyType
from typing import TypeVar

import msgspec
import numpy as np

from judge.judges.attacks import Attack, aim_at, attacks
from judge.judges.baseline import content_words
from judge.judges.null_answers import NullAnswer, NullKind, kinds_for, null_answers
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import Scale

CONTROLS_KIND = "controls"

DEFAULT_CONTROLS = 180
"""60 null answers and 120 attacks. Of 60 none may pass for a rate of at most 4.9 % to be shown, and
a judge that lets a fifth of them pass is refused with a chance of 97 %."""
NULL_SHARE = 1 / 3

_PREFIX = "control:"
_PLAIN = "plain"
_NAME_DIGITS = 12
_RIGHT_BY_CHANCE = 0.5  # share of the words of a trusted answer
_TRIES = 20

_MADE_FOR_EACH_ITEM = (NullKind.QUESTION, NullKind.OTHER_ANSWER)

_Thing = TypeVar("_Thing")


class ControlKind(StrEnum):
    """What a control is there to show."""

    NULL = "null"
    """Whether the judge accepts an answer that says nothing."""
    ATTACK = "attack"
    """Whether a weak answer can talk the judge into accepting it."""
    PLAIN = "plain"
    """What the judge says of that weak answer by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCase:
    """One answer to put to the judge among others.

    Attributes:
        family: of the attack, or why the answer says nothing.
        record: what is scored; its system is ``control:<family>/<name>``, which no judge sees.
        plain: of an attack, the case with the same weak answer and no attack; else None.
    """

    kind: ControlKind
    family: str
    record: Record
    plain: RecordKey | None = None

    @property
    def key(self) -> RecordKey:
        return self.record.key


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlan:
    """The controls that are mixed into one run for one of its judges.

    Attributes:
        metric: of the judge.
        scale: of the judge.
        seed: of the draw.
    """

    run_id: str
    metric: str
    scale: Scale
    seed: int
    cases: tuple[ControlCase, ...]

    @property
    def document_id(self) -> str:
        """The name under which it is kept."""
        return f"{self.run_id}/{self.metric}"


def encode_control_plan(plan: ControlPlan) -> bytes:
    """Return a plan as the bytes that are stored."""
    return msgspec.json.encode(plan)


def decode_control_plan(body: bytes) -> ControlPlan:
    """Read a stored plan."""
    return msgspec.json.decode(body, type=ControlPlan)


def is_control(key: RecordKey) -> bool:
    """Whether a record was made to try the judge, and is no system's answer."""
    return key.system.startswith(_PREFIX)


def plan_controls(
    records: Iterable[Record],
    *,
    target: Target,
    scale: Scale,
    criterion: str = "equivalence",
    human: Mapping[RecordKey, str] = MappingProxyType({}),
    rubric: str = "",
    seed: int,
    n: int = DEFAULT_CONTROLS,
) -> tuple[ControlCase, ...]:
    """Draw controls, in the order in which to put them to the judge.

    A weak answer is an output that people gave the worst grade; where there are too few of them,
    an output to another item that shares few words with the right answer.

    Args:
        records: of the evaluation set.
        target: what outputs are held against; a record without it can carry no control.
        scale: of the judge; its last category is what attacks ask for.
        criterion: what is asked of the outputs.
        human: what people said of some of the records.
        rubric: what the judge is told, as one of the null answers; empty leaves that one out.
        seed: of the draw.
        n: null answers and attacks together; there may be fewer where the set is small. The weak
            answers by themselves come on top, at most one for each attack.

    Raises:
        ValueError: `n` is negative.
    """
    if n < 0:
        raise ValueError(f"{n} controls cannot be drawn")
    rng = np.random.default_rng(seed)
    hosts = [r for r in records if _can_carry(r, target)]
    if not hosts or not n:
        return ()
    hosts = _shuffled(hosts, rng)
    n_null = max(1, round(n * NULL_SHARE))
    kinds = kinds_for(criterion, target)
    cases = [
        *_nulls(hosts, target, kinds, rubric=rubric, n=n_null, rng=rng),
        *_attacked(hosts, target, scale, human, n=n - n_null, rng=rng),
    ]
    return tuple(_shuffled(cases, rng))


def _can_carry(record: Record, target: Target) -> bool:
    """Whether a control can stand in for the record's output, and is known to be wrong there."""
    answers = record.answers(target)
    return any(content_words(answer) for answer in answers) and not is_control(record.key)


def _nulls(
    hosts: Sequence[Record],
    target: Target,
    kinds: Collection[NullKind],
    *,
    rubric: str,
    n: int,
    rng: np.random.Generator,
) -> Iterator[ControlCase]:
    fixed = [*null_answers()]
    if rubric.strip():
        fixed.append(NullAnswer(kind=NullKind.RUBRIC, name="whole", text=rubric))
    made = [NullAnswer(kind=kind, name="own", text="") for kind in _MADE_FOR_EACH_ITEM]
    # Kinds take turns, so that few controls are not all of one kind.
    of_kind = [[a for a in (*fixed, *made) if a.kind is kind] for kind in sorted(kinds)]
    turns = [cycle(_shuffled(answers, rng)) for answers in of_kind if answers]
    waiting = cycle(hosts)
    taken: set[RecordKey] = set()
    for place in range(n * _TRIES):
        if len(taken) == n:
            return
        answer, host = next(turns[place % len(turns)]), next(waiting)
        text = answer.text or _made_for(host, answer.kind, hosts, target, rng)
        case = _case(host, ControlKind.NULL, answer.kind.value, answer.name, text)
        if case.key in taken or not text.strip() or could_be_right(text, host, target):
            continue
        taken.add(case.key)
        yield case


def _made_for(
    host: Record,
    kind: NullKind,
    hosts: Sequence[Record],
    target: Target,
    rng: np.random.Generator,
) -> str:
    if kind is NullKind.QUESTION:
        return host.input
    return _elsewhere(host, hosts, target, rng)


def _elsewhere(
    host: Record, hosts: Sequence[Record], target: Target, rng: np.random.Generator
) -> str:
    """Return an output to another item that cannot be right here; empty where none is found."""
    for place in rng.integers(len(hosts), size=_TRIES).tolist():
        other = hosts[place]
        output = other.output or ""
        if other.item_id == host.item_id or not output.strip():
            continue
        if not could_be_right(output, host, target):
            return output
    return ""


def could_be_right(text: str, host: Record, target: Target) -> bool:
    """Whether a text might be a right answer by chance: it shares half of the words that count.

    Those are the words of any text it is held against; of a source, its own words found there.
    """
    own = frozenset(content_words(text))
    for answer in host.answers(target):
        wanted = frozenset(content_words(answer))
        of = own if target is Target.SOURCE else wanted
        if not of:
            continue  # a sign says nothing of a source, and asks for nothing as an answer
        if len(own & wanted) >= _RIGHT_BY_CHANCE * len(of):
            return True
    return False


def _attacked(
    hosts: Sequence[Record],
    target: Target,
    scale: Scale,
    human: Mapping[RecordKey, str],
    *,
    n: int,
    rng: np.random.Generator,
) -> Iterator[ControlCase]:
    weak = _weak_answers(hosts, target, scale, human, n=n, rng=rng)
    if not weak:
        return
    families: dict[str, list[Attack]] = {}
    for attack in attacks(aim_at(scale)):
        families.setdefault(attack.family, []).append(attack)
    turns = _shuffled([_shuffled(own, rng) for own in families.values()], rng)
    # Each family once, then each again: the whole suite before any attack comes twice.
    suite = [one for round_ in zip_longest(*turns) for one in round_ if one is not None]
    taken: set[RecordKey] = set()
    for (host, answer), attack in islice(zip(cycle(weak), cycle(suite), strict=False), n):
        plain = _case(host, ControlKind.PLAIN, _PLAIN, _digest(answer), answer)
        text = attack.on(answer)
        case = _case(host, ControlKind.ATTACK, attack.family, attack.name, text, plain=plain.key)
        if case.key in taken:
            continue
        if plain.key not in taken:
            yield plain
        taken.update((plain.key, case.key))
        yield case


def _weak_answers(
    hosts: Sequence[Record],
    target: Target,
    scale: Scale,
    human: Mapping[RecordKey, str],
    *,
    n: int,
    rng: np.random.Generator,
) -> list[tuple[Record, str]]:
    """Return at most `n` records with an answer that is wrong there."""
    worst = scale.categories[0]
    found = [
        (host, host.output)
        for host in hosts
        if human.get(host.key) == worst and host.output is not None and host.output.strip()
    ]
    used = {host.key for host, _ in found}
    for host in hosts:
        if len(found) >= n:
            break
        if host.key not in used and (output := _elsewhere(host, hosts, target, rng)):
            found.append((host, output))
    return found[:n]


def _case(
    host: Record,
    kind: ControlKind,
    family: str,
    name: str,
    text: str,
    *,
    plain: RecordKey | None = None,
) -> ControlCase:
    record = replace(host, system=f"{_PREFIX}{family}/{name}", output=text)
    return ControlCase(kind=kind, family=family, record=record, plain=plain)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_NAME_DIGITS]


def _shuffled(things: Sequence[_Thing], rng: np.random.Generator) -> list[_Thing]:
    return [things[place] for place in rng.permutation(len(things)).tolist()]
