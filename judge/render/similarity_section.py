"""What similarities mean in a run, as a section of its page."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest

from judge.records.rating import LabelSource
from judge.render.page import Section, Table
from judge.render.text import NO_NUMBER, figure, interval, number, one_line, percent_interval
from judge.reports.groups import OVERALL
from judge.reports.report import Example, Report
from judge.reports.similarity import ALL_SYSTEMS, RightFrom, SimilarityFindings, SimilarSystem
from judge.results.outcome import Score
from judge.results.yardstick import BlindSpot, Yardstick
from judge.stats.estimate import Estimate, Undefined

_MOST_EXAMPLES = 3
_LONGEST_SHOWN = 80
# What details call what an output lacks, and what it has besides.
_LACKS = ("missed", "missing")
_ADDS = "added"


def similarity_sections(report: Report) -> list[Section]:
    """Return the section, or none where nothing was compared."""
    findings = [one for one in report.similarity if any(_is_measured(s) for s in one.systems)]
    if not findings:
        return []
    tables = [_systems_table(findings)]
    if labelled := [one for one in findings if one.right_from]:
        tables.append(_labels_table(labelled))
    spots = next((one.yardstick.blind_spots for one in findings if one.yardstick), ())
    if spots:
        tables.append(_spots_table(spots))
    if examples := list(_examples(report, findings)):
        columns = ["furthest from the answer", "score", "misses", "adds"]
        tables.append(Table(columns=columns, rows=examples))
    return [Section(title="Similarity", lines=list(_lines(findings)), tables=tables)]


def _is_measured(system: SimilarSystem) -> bool:
    return isinstance(system.mean, Estimate)


def _lines(findings: Sequence[SimilarityFindings]) -> Iterator[str]:
    for one in findings:
        if one.yardstick is not None:
            yield from _scale_lines(one.yardstick)
    whys: dict[str, list[str]] = {}
    for one in findings:
        if isinstance(one.labelled, Undefined):
            whys.setdefault(one.labelled.reason, []).append(one.metric)
        elif one.labelled.source is LabelSource.CONSTRUCTED:
            why = "the labels are an author's, not people's: its threshold shows how, not what"
            whys.setdefault(why, []).append(one.metric)
    for why, metrics in whys.items():
        yield f"{', '.join(metrics)}: {why}"


def _scale_lines(yardstick: Yardstick) -> Iterator[str]:
    figures = yardstick.figures
    if (random := figures.get("random")) is not None:
        high = figures.get("random_high")
        most = f", 19 of 20 of those under {number(high.value)}" if high else ""
        yield (
            f"{yardstick.metric}: an output and the answer to another item are "
            f"{interval(random)} alike{most}"
        )
    if (alike := figures.get("paraphrase")) is not None:
        yield f"{yardstick.metric}: two right answers to an item are {interval(alike)} alike"
    else:
        why = yardstick.undefined.get("paraphrase", "")
        yield f"{yardstick.metric}: how alike two right answers are is not known: {why}"


def _systems_table(findings: Sequence[SimilarityFindings]) -> Table:
    return Table(
        columns=["metric and system", "mean", "random 0, paraphrase 1", "cut off"],
        rows=[
            [
                f"{one.metric}  {system.system}",
                figure(system.mean) if _is_measured(system) else NO_NUMBER,
                NO_NUMBER if system.place is None else f"{system.place:.2f}",
                percent_interval(system.truncated)
                if isinstance(system.truncated, Estimate)
                else NO_NUMBER,
            ]
            for one in findings
            for system in one.systems
            if _is_measured(system)
        ],
    )


def _labels_table(findings: Sequence[SimilarityFindings]) -> Table:
    return Table(
        columns=["metric and part", "AUC", "right from", "informedness, held out"],
        rows=[
            [f"{one.metric}  {_part(part)}", *_cells(part)]
            for one in findings
            for part in one.right_from
            if _is_whole(part) or (isinstance(part.auc, Estimate) and one.yardstick is not None)
        ],
    )


def _is_whole(part: RightFrom) -> bool:
    """Whether it is about everything; parts of it are shown of the cosine only."""
    return (part.system, part.slice) == (ALL_SYSTEMS, OVERALL)


def _part(part: RightFrom) -> str:
    if part.system == ALL_SYSTEMS:
        return "all" if part.slice == OVERALL else part.slice
    return part.system


def _cells(part: RightFrom) -> list[str]:
    if isinstance(part.threshold, Undefined):
        return [figure(part.auc), figure(part.threshold), NO_NUMBER]
    return [
        figure(part.auc),
        interval(part.threshold.threshold),
        interval(part.threshold.informedness),
    ]


def _spots_table(spots: Sequence[BlindSpot]) -> Table:
    columns = [
        "changed in a sentence",
        "reworded",
        "changed",
        "as close or closer",
        "told by facts",
    ]
    return Table(
        columns=columns,
        rows=[
            [
                spot.change,
                number(spot.paraphrase),
                number(spot.altered),
                f"{spot.blind} of {spot.n}",
                f"{spot.told} of {spot.n}",
            ]
            for spot in spots
        ],
    )


def _examples(report: Report, findings: Sequence[SimilarityFindings]) -> Iterator[list[str]]:
    """Yield the records with the lowest scores of each metric that says what is missing."""
    for one in findings:
        told = (
            (outcome.value, example, outcome.details)
            for example in report.examples
            if isinstance(outcome := example.outcomes.get(one.metric), Score)
            and (_ADDS in outcome.details)
        )
        lowest = nsmallest(_MOST_EXAMPLES, told, key=lambda row: (row[0], row[1].record.item_id))
        for value, example, details in lowest:
            yield [
                f"{one.metric}  {_named(example)}",
                number(value),
                _first_text(details, *_LACKS),
                _first_text(details, _ADDS),
            ]


def _named(example: Example) -> str:
    return one_line(f"{example.record.item_id} of {example.record.system}", most=_LONGEST_SHOWN)


def _first_text(details: Mapping[str, object], *names: str) -> str:
    """Return the texts that are listed under the first of the names that is there, on one line."""
    listed = next((details[name] for name in names if name in details), ())
    if not isinstance(listed, Sequence) or not listed:
        return NO_NUMBER
    texts = [str(one["text"]) for one in listed if isinstance(one, Mapping) and "text" in one]
    return one_line(" | ".join(texts), most=_LONGEST_SHOWN)
