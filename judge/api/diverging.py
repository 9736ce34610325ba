"""Holding students' distributions against their teacher's, and keeping what is found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from judge.api.project import Project
from judge.records.distributions import (
    Distributions,
    read_distributions,
    speaks_of_distributions,
)
from judge.records.reading import OutputSource
from judge.records.record import Role
from judge.records.token_logprobs import TokenLogprob
from judge.results.divergence import (
    CLASSES,
    TOKENS,
    Divergence,
    decode_divergence,
    divergence_kind,
    encode_divergence,
)
from judge.results.store import DocumentStore
from judge.stats.divergence import TextDivergence, class_divergence, text_divergence

_OTHER_TOKENS = "other tokens: not the same text, or another tokenizer"
_OTHER_CLASSES = "other classes"
_ONE_CLASS = "one class only"
_SILENT = "the teacher gives none"
_NO_LIKELIEST = "no top_logprobs at some place"

_NOTHING = Distributions(item_id="", tokens=(), classes={})


def read_divergences(sources: Sequence[OutputSource]) -> tuple[Divergence, ...]:
    """Return how far each student is from the teacher, as far as their files say it.

    Args:
        sources: of all systems.

    Raises:
        DataError: something in a file is no probability; the message names file, row and remedy.
    """
    taught = next((one for one in sources if one.system.role is Role.TEACHER), None)
    students = [
        one
        for one in sources
        if one.system.role is not Role.TEACHER and speaks_of_distributions(one)
    ]
    if taught is None or taught.given is not None or not students:
        return ()
    # Kept as bytes: as objects the likeliest tokens of a set take ten times their file.
    known = {one.item_id: msgspec.json.encode(one) for one in read_distributions(taught, own=True)}
    return tuple(
        found
        for student in students
        for found in _of_student(student, taught.system.name, known)
        if found.items or found.refused
    )


def keep_divergences(project: Project, store: DocumentStore, run_id: str) -> None:
    """Keep what was found of the items of a run."""
    items = project.dataset.item_ids
    for one in project.divergences:
        kept = replace(
            one,
            items={name: found for name, found in one.items.items() if name in items},
            refused={name: why for name, why in one.refused.items() if name in items},
        )
        name = f"{one.over} {one.student}"
        store.put_document(divergence_kind(run_id), name, encode_divergence(kept))


def kept_divergences(store: DocumentStore, run_id: str) -> tuple[Divergence, ...]:
    """Return what was found of a run."""
    return tuple(map(decode_divergence, store.documents(divergence_kind(run_id))))


def _of_student(
    student: OutputSource, teacher: str, known: Mapping[str, bytes]
) -> Iterator[Divergence]:
    items: dict[str, dict[str, TextDivergence]] = {TOKENS: {}, CLASSES: {}}
    refused: dict[str, dict[str, str]] = {TOKENS: {}, CLASSES: {}}
    for mine in read_distributions(student, own=False):
        body = known.get(mine.item_id)
        its = _NOTHING if body is None else msgspec.json.decode(body, type=Distributions)
        for over, found in _compared(its, mine):
            if isinstance(found, str):
                refused[over][mine.item_id] = found
            else:
                items[over][mine.item_id] = found
    for over, of_items in items.items():
        yield Divergence(
            student=student.system.name,
            teacher=teacher,
            over=over,
            items=of_items,
            refused=refused[over],
        )


def _compared(
    its: Distributions, mine: Distributions
) -> Iterator[tuple[str, TextDivergence | str]]:
    if mine.tokens:
        yield TOKENS, _tokens(its.tokens, mine.tokens) if its.tokens else _SILENT
    if mine.classes:
        yield CLASSES, _classes(its.classes, mine.classes) if its.classes else _SILENT


def _tokens(its: Sequence[TokenLogprob], mine: Sequence[TokenLogprob]) -> TextDivergence | str:
    if any(not one.top for one in (*its, *mine)):
        return _NO_LIKELIEST
    if [one.token for one in its] != [one.token for one in mine]:
        return _OTHER_TOKENS
    shared = [
        [name for name in one.top if name in other.top]
        for one, other in zip(its, mine, strict=True)
    ]
    sides = np.full((2, len(shared), max(1, *map(len, shared), 1)), -np.inf)
    for place, names in enumerate(shared):
        for side, of_side in enumerate((its, mine)):
            sides[side, place, : len(names)] = [of_side[place].top[name] for name in names]
    return text_divergence(sides[0], sides[1])


def _classes(its: Mapping[str, float], mine: Mapping[str, float]) -> TextDivergence | str:
    if its.keys() != mine.keys():
        return _OTHER_CLASSES
    if len(its) == 1:
        return _ONE_CLASS
    names = sorted(its)
    return class_divergence(
        np.array([its[name] for name in names]), np.array([mine[name] for name in names])
    )
