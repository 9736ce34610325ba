"""Whether a judge is still the one that was certified: some of its verdicts, asked for again.

A certificate keeps the verdicts on a few texts, its sentinels. Whatever a later run says of the
same texts is compared with them. Where another serving system answers than at certification, which
its fingerprint tells, nobody knows yet whether it judges alike: the sentinels are to be judged
again by it, and until then its verdicts are not believed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from judge.records.record import Record, Target
from judge.results.outcome import Score
from judge.results.run import Result, content_of
from judge.results.served import models_in
from judge.stats.estimate import Undefined
from judge.stats.intervals import exact_lower_bound

FEWEST_AGAIN = 10
"""Sentinels that another serving system must have judged, or all where there are fewer."""

FINGERPRINT = "fingerprint"
"""The detail of a verdict that names the serving system; of a panel a line for each member."""

_ROUNDING = 1e-9  # one verdict of one that differs has a limit of exactly .05


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A verdict on a text that may be a sentinel.

    Attributes:
        content: hash of the texts it is about.
        fingerprints: of the serving systems that took part; empty where the endpoint names none.
    """

    content: str
    label: str
    fingerprints: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the serving systems of a run stand to those that were certified.

    Attributes:
        unknown: fingerprints that were not seen at certification.
        judge_again: contents of the sentinels that those must judge, so that it can be told
            whether they judge alike; empty where that is known, or cannot become known.
        reason: why their verdicts are not believed; empty where they are.
        note: what a reader should know although they are believed; may be empty.
    """

    unknown: tuple[str, ...] = ()
    judge_again: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""


def drift_of(
    sentinels: Mapping[str, str],
    again: Sequence[Again],
    *,
    certified: Collection[str],
    seen: Collection[str],
    allowed: float,
    level: float,
) -> Drift:
    """Return whether the systems that served a run judge as the certified ones did.

    Args:
        sentinels: content to the certified verdict on it.
        again: verdicts of the run, and of whatever was judged again since; of several by the same
            systems on one text the last counts.
        certified: fingerprints seen at certification.
        seen: fingerprints seen in the run.
        allowed: share of the sentinels that may come out differently.
        level: one-sided level of the lower limit of that share.
    """
    unknown = tuple(sorted(set(seen) - set(certified)))
    if not unknown:
        return Drift()
    who = f"{', '.join(unknown)} served, but the certificate is for "
    who += ", ".join(sorted(certified)) or "none that has a name"
    if not sentinels:
        return Drift(unknown=unknown, reason=f"{who}, and it holds no verdicts to compare with")
    own = {
        one.content: one
        for one in again
        if one.content in sentinels and not one.fingerprints.isdisjoint(unknown)
    }
    if changed := changed_mind(
        sentinels,
        {content: one.label for content, one in own.items()},
        allowed=allowed,
        level=level,
    ):
        return Drift(unknown=unknown, reason=f"{who}: {changed}")
    tried: set[str] = set().union(*(one.fingerprints for one in own.values()))
    if len(own) < min(FEWEST_AGAIN, len(sentinels)) or not tried >= set(unknown):
        left = tuple(content for content in sentinels if content not in own) or tuple(sentinels)
        return Drift(
            unknown=unknown,
            judge_again=left,
            reason=f"{who}: of {len(sentinels)} certified verdicts, {len(own)} were asked for again"
            + (" there" if tried >= set(unknown) else " there, and not of each"),
        )
    same = sum(one.label == sentinels[content] for content, one in own.items())
    return Drift(
        unknown=unknown,
        note=f"{who}: {same} of {len(own)} certified verdicts came out the same there",
    )


def changed_mind(
    sentinels: Mapping[str, str], verdicts: Mapping[str, str], *, allowed: float, level: float
) -> str:
    """Return in words that more certified verdicts came out differently than is luck, or nothing.

    Args:
        sentinels: content to the certified verdict on it.
        verdicts: content to what the judge says now.
        allowed: share that may differ.
        level: one-sided level of the lower limit of the share.
    """
    both = [
        (label, verdicts[content]) for content, label in sentinels.items() if content in verdicts
    ]
    differ = sum(before != now for before, now in both)
    found = exact_lower_bound(differ, len(both), level=level)
    if isinstance(found, Undefined) or found <= allowed + _ROUNDING:
        return ""
    return (
        f"the judge changed its mind: {differ} of {len(both)} certified verdicts came out "
        "differently in this run"
    )


def again_in(results: Iterable[Result], *, signature: str) -> list[Again]:
    """Return the verdicts of one judge among results, by the texts they are about."""
    return [
        Again(
            content=result.content,
            label=result.outcome.label,
            fingerprints=fingerprints_of(result.outcome),
        )
        for result in results
        if isinstance(result.outcome, Score) and result.outcome.signature == signature
    ]


def fingerprints_of(score: Score) -> frozenset[str]:
    """Return the serving systems behind a verdict; of a panel a line for each member."""
    found = score.details.get(FINGERPRINT)
    return models_in([found]) if isinstance(found, str) else frozenset()


def sentinel_records(
    contents: Collection[str], records: Iterable[Record], target: Target
) -> list[Record]:
    """Return the records that certified verdicts are about, each text once.

    Args:
        contents: of the sentinels.
        records: of every set whose outputs may have been rated.
        target: what the judge holds outputs against.
    """
    wanted = set(contents)
    found: dict[str, Record] = {}
    for record in records:
        content = content_of(record, target)
        if content in wanted:
            found.setdefault(content, record)
    return list(found.values())
