"""Ratings that are sent, by people's tools, of the outputs of a job: each kept once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from judge.api.label_rounds import round_ratings
from judge.api.project import Project, ratings_of
from judge.errors import DataError, RatingConflict, did_you_mean
from judge.records.rows import Row
from judge.results.store import DocumentStore

_KIND = "sent_ratings/"
_NAMED = ("id", "system", "rater", "criterion", "target")
_TWICE = "the same rating twice"

SentRating: TypeAlias = Mapping[str, bool | int | float | str]
"""The fields of a row of a file of ratings; those that are not said are absent."""

_Place: TypeAlias = tuple[bool | int | float | str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRatings:
    """What became of ratings that were sent.

    Attributes:
        new: kept now.
        repeated: known already.
        replaced: of the new ones, those that stand in the place of an earlier word.
    """

    new: int
    repeated: int
    replaced: int


def sent_ratings(store: DocumentStore, job_id: str) -> tuple[Row, ...]:
    """Return the last word of each rater on each output of a job.

    First what was sent, in the order it came, then what was labelled on the pages of a service.
    """
    return rows_of([*_known(store, job_id).values(), *round_ratings(store, job_id)])


def rows_of(ratings: Sequence[SentRating]) -> tuple[Row, ...]:
    """Return ratings that were sent as rows, counted from 1."""
    return tuple(
        Row(path=Path("ratings"), line=number, values=values, fields={}, typed=True)
        for number, values in enumerate(ratings, start=1)
    )


def check_sent(project: Project) -> None:
    """Refuse ratings that are about nothing the judge of a project is asked.

    Args:
        project: opened with the ratings that were sent.

    Raises:
        DataError: there is one; the message names it.
    """
    ratings = ratings_of(project)
    rows = () if ratings.sent is None else ratings.sent.rows
    systems = [system.name for system in project.dataset.systems]
    for row in rows:
        name = row.text("system") if row.has("system") else systems[0]
        if name not in systems:
            raise row.error(
                f"there is no system {name!r} in the job{did_you_mean(name, systems)}; there are: "
                f"{', '.join(systems)}"
            )
    unused = {
        why: n for why, n in ratings.read_sent(project.dataset).set_aside.items() if why != _TWICE
    }
    if unused:
        source = ratings.source
        listed = "; ".join(f"{n} {why}" for why, n in unused.items())
        raise DataError(
            f"ratings that cannot be used: {listed}; people are asked about "
            f"{source.criterion} to the {source.target.value} of the items of the job"
        )


def keep_ratings(
    store: DocumentStore, job_id: str, sent: Sequence[SentRating], *, replace: bool = False
) -> KeptRatings:
    """Keep ratings of the outputs of a job, all of them or none; what is sent twice is kept once.

    Args:
        store: keeps them.
        job_id: of the job.
        sent: the ratings, checked.
        replace: whether a rater may take back what was said before.

    Raises:
        RatingConflict: a rater says something else than before, and may not; nothing is kept.
    """
    known = _known(store, job_id)
    new: list[SentRating] = []
    repeated = replaced = 0
    for number, rating in enumerate(sent, start=1):
        earlier = known.get(_place(rating))
        if earlier is not None and earlier["label"] == rating["label"]:
            repeated += 1
            continue
        if earlier is not None and not replace:
            raise RatingConflict(
                f"ratings line {number}: {rating['rater']} said {earlier['label']!r} of "
                f'{rating["id"]} before, and now {rating["label"]!r}; say "replace": true to '
                "take the earlier word back"
            )
        replaced += earlier is not None
        known[_place(rating)] = rating
        new.append(rating)
    if new:
        body = msgspec.json.encode(new)
        name = f"{len(known)}-{hashlib.sha256(body).hexdigest()}"
        store.put_document(f"{_KIND}{job_id}", name, body)
    return KeptRatings(new=len(new), repeated=repeated, replaced=replaced)


def _known(store: DocumentStore, job_id: str) -> dict[_Place, SentRating]:
    known: dict[_Place, SentRating] = {}
    for body in store.documents(f"{_KIND}{job_id}"):
        for rating in msgspec.json.decode(body, type=list[dict[str, bool | int | float | str]]):
            known[_place(rating)] = rating
    return known


def _place(rating: SentRating) -> _Place:
    return tuple(rating.get(name) for name in _NAMED)
