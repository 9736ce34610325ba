"""What training had of an evaluation set, as a page shows it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from judge.records.alike import AlikeText
from judge.records.overlap import Finding, Likeness, Overlap
from judge.render.page import Section, Table
from judge.render.text import interval, listed, one_line
from judge.reports.leakage import LeakageFindings, LeakageRow
from judge.reports.summary import Status

_MOST_SHOWN = 20
_MEANINGS = {
    Likeness.EXACT: "character for character",
    Likeness.NORMALISED: "the same words, however they are written",
    Likeness.NEAR: "most three-word shingles are the same",
    Likeness.CONTAINED: "a stretch of the training text has nearly all of its shingles",
}


def leakage_sections(found: LeakageFindings | None) -> list[Section]:
    """Return the section of a run's report, or none where nobody looked into training files."""
    if found is None:
        return []
    section = overlap_section(found.overlap, n_items=found.n_items)
    shown = [row for row in found.rows if row.status is Status.SHOWN]
    withheld = dict.fromkeys(_withheld(row) for row in found.rows if row.status is not Status.SHOWN)
    scores = Table(
        columns=["metric and system", "items", "leaked", "with them", "without them"],
        rows=[_score_cells(row) for row in shown],
    )
    return [
        Section(
            title=section.title,
            lines=[*section.lines, *withheld],
            tables=[*section.tables, *([scores] if shown else [])],
        )
    ]


def overlap_section(overlap: Overlap, *, n_items: int) -> Section:
    """Return what training files had of a set, and where."""
    leaks = sorted(overlap.leaks, key=lambda one: list(Likeness).index(one.likeness))
    table = Table(
        columns=["item", "part", "likeness", "similarity", "times", "where"],
        rows=[_leak_cells(one) for one in leaks[:_MOST_SHOWN]],
    )
    return Section(
        title="Training overlap",
        lines=list(_lines(overlap, n_items=n_items)),
        tables=[table] if leaks else [],
    )


def alike_section(alike: Sequence[AlikeText]) -> Section:
    """Return the evaluation texts that mean what a training text means."""
    if not alike:
        return Section(title="Alike in meaning", lines=["no text is as close in meaning as asked"])
    closest = sorted(alike, key=lambda one: -one.cosine)
    lines = [
        f"evaluation texts as close in meaning to a training text as asked: {len(alike)}",
        "read them: they may be paraphrases, or only about the same",
    ]
    if len(closest) > _MOST_SHOWN:
        lines.append(f"the closest {_MOST_SHOWN} are shown, the JSON has all {len(closest)}")
    rows = [
        [one.item_id, one.part, f"{one.cosine:.3f}", _place(one)] for one in closest[:_MOST_SHOWN]
    ]
    table = Table(columns=["item", "part", "cosine", "where"], rows=rows)
    return Section(title="Alike in meaning", lines=lines, tables=[table])


def _lines(overlap: Overlap, *, n_items: int) -> Iterator[str]:
    files = ", ".join(one.file.name for one in overlap.files)
    texts = sum(one.texts for one in overlap.files)
    searched = f"{overlap.texts:,} evaluation texts looked for in {texts:,} texts of {files}"
    if not overlap.leaks:
        yield f"no item leaked: {searched}"
    else:
        kinds = Counter(one.likeness for one in overlap.leaks)
        yield f"{len(overlap.leaked_items)} of {n_items} items stand in training files: {searched}"
        yield listed({kind.value: kinds[kind] for kind in Likeness if kinds[kind]})
        yield from (f"{kind.value}: {_MEANINGS[kind]}" for kind in Likeness if kinds[kind])
        if len(overlap.leaks) > _MOST_SHOWN:
            yield f"the strongest {_MOST_SHOWN} are shown, the JSON has all {len(overlap.leaks)}"
    if overlap.generic:
        yield (
            f"{len(overlap.generic)} more texts stand there too, but are too short to say where "
            "they are from: no leaks"
        )
    if overlap.only_whole:
        yield (
            f"{overlap.only_whole} of the texts say too little of their own to be looked for other "
            "than as a whole"
        )
    for one in overlap.files:
        if one.unread:
            first = one.first_unread[0]
            yield (
                f"{one.file.name}: rows that could not be read: {one.unread}, the first on line "
                f"{first.line} ({one_line(first.reason)}): nobody knows what they hold"
            )


def _leak_cells(one: Finding) -> Sequence[str]:
    similarity = f"{one.similarity:.2f}"
    return [one.item_id, one.part, one.likeness.value, similarity, str(one.times), _place(one)]


def _place(one: Finding | AlikeText) -> str:
    return f"{one.file.name} line {one.line}" + (f", {one.column}" if one.column else "")


def _score_cells(row: LeakageRow) -> Sequence[str]:
    figures = ["-" if one is None else interval(one) for one in (row.every, row.clean)]
    return [f"{row.metric}  {row.system}", str(row.n), str(row.n_leaked), *figures]


def _withheld(row: LeakageRow) -> str:
    if row.status is Status.WITHHELD:
        return f"{row.metric}: withheld"
    return f"{row.metric} of {row.system}: {row.status.value}: {row.reason}"
