"""Which judge people's ratings are about, and how their labels read on its scale."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from judge.importers.imported import ImportedRating
from judge.importers.scales import scale_of, wrong_and_right
from judge.records.scale import EQUIVALENCE, Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What the ratings that are used were asked, and of which judge they speak.

    Attributes:
        question: as the tool names it; the ratings of another one are about something else.
        judge: the recorded judge; empty for the equivalence of outputs.
        labels: a label as stored to the category it means, empty where they are the same; None
            where that cannot be told.
    """

    question: str
    judge: str
    labels: Mapping[str, str] | None


def rated(ratings: Sequence[ImportedRating], scales: Mapping[str, Scale]) -> Rated | None:
    """Say what ratings are about; None where there are none.

    A question that is called like a judge is about that one; else the first whose labels are the
    categories of a scale, and then the first whose labels can be told to be right and wrong.
    """
    labels: dict[str, list[str]] = {}
    for rating in ratings:
        labels.setdefault(rating.question, []).append(rating.label)
    if not labels:
        return None
    pairs = [
        (question, judge, readings(labels[question], scales.get(judge, EQUIVALENCE)))
        for question, judge in _pairs(list(labels), list(scales))
    ]
    best = sorted(pairs, key=lambda pair: (not _namesakes(pair[0], pair[1]), bool(pair[2])))
    for question, judge, read in best:
        if read is not None:
            return Rated(question=question, judge=judge, labels=read)
    return Rated(question=next(iter(labels)), judge="", labels=None)


def readings(labels: Sequence[str], scale: Scale) -> Mapping[str, str] | None:
    """Return which category each label means: by its name, else by which of two is the right one.

    Returns:
        Nothing where they are the same; None where that cannot be told.
    """
    distinct = list(dict.fromkeys(labels))
    if set(distinct) <= set(scale.categories):
        return {}
    small = {category.casefold(): category for category in scale.categories}
    if all(label.casefold() in small for label in distinct):
        return {label: small[label.casefold()] for label in distinct}
    theirs = scale_of(labels)
    if isinstance(theirs, str) or wrong_and_right(theirs.categories) is None:
        return None
    if (ours := wrong_and_right(scale.categories)) is None:
        return None
    meant = dict(zip(theirs.categories, ours, strict=True))
    return {label: meant[label] for label in distinct}


def _namesakes(question: str, judge: str) -> bool:
    return bool(judge) and question.casefold() == judge.casefold()


def _pairs(questions: Sequence[str], judges: Sequence[str]) -> Iterator[tuple[str, str]]:
    for question in questions:
        yield from ((question, one) for one in judges)
    for question in questions:
        yield question, ""
