"""A judge that ran elsewhere: its verdicts are read from a file, so that it too can be checked."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from judge.errors import DataError, VerdictNotRecorded, did_you_mean
from judge.judges.judge import JudgedCase, Judgement
from judge.records.dataset import Dataset
from judge.records.label import LabelKey, read_label
from judge.records.record import RecordKey
from judge.records.rows import Row, read_rows
from judge.records.scale import Scale
from judge.results.outcome import Vote

_MOST_SHOWN = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSource:
    """Where recorded verdicts are and how their columns read.

    Attributes:
        name: selects the rows of one judge by the file's `judge` column; empty where the file
            holds one judge only.
        labels: a verdict as stored to the category it means; empty where they are the same.
    """

    path: Path
    name: str
    fields: Mapping[str, str]
    labels: Mapping[LabelKey, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    vote: Vote
    reply: str
    place: str


class RecordedJudge:
    """Gives back what another judge decided. A certificate for it is for this file alone.

    Of several verdicts on one record (another order, another repeat) the first of the file
    counts as its verdict; all of them are its votes.
    """

    def __init__(
        self, verdicts: Mapping[RecordKey, Sequence[_Recorded]], *, name: str, fingerprint: str
    ) -> None:
        self._verdicts = verdicts
        self._identity = {"judge": "recorded", "name": name, "verdicts": fingerprint}

    @property
    def identity(self) -> Mapping[str, str]:
        return self._identity

    async def judge(self, case: JudgedCase) -> Judgement:
        found = self._verdicts.get(case.key, ())
        if not found:
            raise VerdictNotRecorded(
                f"no verdict on {case.key.item_id} of {case.key.system} was recorded", attempts=0
            )
        first = found[0]
        return Judgement(
            label=first.vote.label,
            rationale=first.reply[:_MOST_SHOWN],
            votes=tuple(one.vote for one in found),
            details={"recorded_at": first.place},
        )


def read_recorded_judge(
    source: VerdictSource, dataset: Dataset, scale: Scale, *, known_ids: AbstractSet[str] | None
) -> RecordedJudge:
    """Read the verdicts of one judge on the records of a set.

    Args:
        source: the file and how it reads.
        dataset: what was judged.
        scale: what the verdicts must stand on.
        known_ids: every item id there is, also those a filter left out; None where that is no
            longer known, and verdicts on other items are passed over.

    Raises:
        DataError: an unknown item or system, a verdict off the scale, two verdicts on one record,
            order and repeat, several judges where none is named; the message names file and row.
    """
    systems = [system.name for system in dataset.systems]
    judges: Counter[str] = Counter()
    verdicts: dict[RecordKey, list[_Recorded]] = {}
    taken: dict[tuple[RecordKey, str, int], str] = {}
    digest = hashlib.sha256()
    for row in read_rows(source.path, source.fields):
        judge = row.identifier("judge") if row.has("judge") else source.name
        judges[judge] += 1
        if judge != (source.name or next(iter(judges))):
            continue  # where none is named, a second judge is refused once all are known
        key = _key(row, systems, known_ids)
        vote = _vote(row, source, scale)
        place = (key, vote.order, vote.repeat)
        if place in taken:
            raise row.error(
                f"a second verdict on {key.item_id} of {key.system}; the first is in "
                f"{taken[place]} (several need 'order' or 'repeat')"
            )
        taken[place] = row.place
        reply = _reply(row)
        verdicts.setdefault(key, []).append(_Recorded(vote=vote, reply=reply, place=row.place))
        digest.update(f"{key.item_id}\0{key.system}\0{vote}\n".encode("utf-8", "surrogatepass"))
    _check_judges(source, judges)
    return RecordedJudge(
        verdicts, name=source.name or next(iter(judges)), fingerprint=digest.hexdigest()
    )


def _key(row: Row, systems: Sequence[str], known_ids: AbstractSet[str] | None) -> RecordKey:
    alone = systems[0] if len(systems) == 1 and not row.has("system") else None
    key = RecordKey(item_id=row.identifier("id"), system=alone or row.identifier("system"))
    if known_ids is not None and key.item_id not in known_ids:
        raise row.error(
            f"a verdict on the unknown item {key.item_id!r}{did_you_mean(key.item_id, known_ids)}"
        )
    if key.system not in systems:
        raise row.error(
            f"a verdict on the unknown system {key.system!r}{did_you_mean(key.system, systems)}; "
            f"the config names: {', '.join(systems)}"
        )
    return key


def _vote(row: Row, source: VerdictSource, scale: Scale) -> Vote:
    field = "label" if row.has("label") or not row.has("score") else "score"
    return Vote(
        label=read_label(row, field, labels=source.labels, scale=scale),
        order=row.identifier("order") if row.has("order") else "",
        repeat=_whole_number(row, "repeat") if row.has("repeat") else 0,
        confidence=_probability(row, "confidence") if row.has("confidence") else None,
    )


def _whole_number(row: Row, field: str) -> int:
    text = row.identifier(field)
    if not text.isdecimal():
        raise row.wrong_type(field, "a whole number from 0")
    return int(text)


def _probability(row: Row, field: str) -> float | None:
    value = row.value(field)
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else -1.0
    except ValueError:
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise row.error(f"{row.column(field)!r} must be a probability in [0, 1], not {value!r}")
    return number


def _reply(row: Row) -> str:
    """Return the raw reply as text; tools store it as text or as text with a finish reason."""
    value = row.value("reply") if row.has("reply") else None
    if isinstance(value, list):
        value = next((part for part in value if isinstance(part, str)), None)
    return value if isinstance(value, str) else ""


def _check_judges(source: VerdictSource, judges: Counter[str]) -> None:
    if source.name and source.name not in judges:
        raise DataError(
            f"{source.path.name} holds no verdict of {source.name!r}"
            f"{did_you_mean(source.name, judges)}; its judges are: {', '.join(sorted(judges))}"
        )
    if len(judges) > 1 and not source.name:
        raise DataError(
            f"{source.path.name} holds verdicts of several judges: {', '.join(sorted(judges))}; "
            "say whose with 'name:'"
        )
