"""The records a report file shows: the worst of each part and some drawn by chance, as data."""

import json
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from judge.records.record import Record
from judge.reports.report import Example, Report, SaidByPeople, measured
from judge.reports.worth import Reasons, by_concern, worth_a_look
from judge.results.outcome import Fate, NotApplicable, Outcome
from judge.results.run import Measure

MOST_EXAMPLES = 2_000
"""More than anybody reads, and few enough that a file of them opens at once."""

MOST_CHARACTERS = 8_000_000
"""Of all texts together: long documents leave room for fewer examples."""

LONGEST_TEXT = 20_000
"""Beyond it a text is cut, and says so."""

_OF_EACH_PART, _BY_CHANCE = 20, 0.25

_Object: TypeAlias = dict[str, object]


def examples_script(report: Report) -> str:
    """Return the examples as JSON that can stand in a script element: ASCII without ``<``."""
    body = json.dumps(_data(report), separators=(",", ":"), allow_nan=False)
    return body.replace("<", "\\u003c")


def chosen(report: Report, reasons: Sequence[Reasons], *, most: int = MOST_EXAMPLES) -> list[int]:
    """Return the places of the examples to show, the most worth a look first.

    Of too many these are the worst of each system and slice, then the worst of all, and a quarter
    drawn by chance, so that what is right can be seen as well.
    """
    ranked = by_concern(reasons)
    if len(ranked) > most:
        rng = np.random.default_rng(report.manifest.seed)
        by_chance = rng.permutation(len(ranked))[: int(most * _BY_CHANCE)].tolist()
        of_parts = _worst_of_each_part(ranked, report.examples)
        kept = set(list(dict.fromkeys([*by_chance, *of_parts, *ranked]))[:most])
        ranked = [place for place in ranked if place in kept]
    return _within(ranked, report.examples, characters=MOST_CHARACTERS)


def _worst_of_each_part(ranked: Sequence[int], examples: Sequence[Example]) -> list[int]:
    taken: dict[tuple[str, str, str], int] = {}
    found = []
    seen = measured(examples)
    for place in ranked:
        record = seen[place].record
        parts = [(record.system, *pair) for pair in record.slices.items()] or [
            (record.system, "", "")
        ]
        if any(taken.get(part, 0) < _OF_EACH_PART for part in parts):
            found.append(place)
            for part in parts:
                taken[part] = taken.get(part, 0) + 1
    return found


def _within(ranked: Sequence[int], examples: Sequence[Example], *, characters: int) -> list[int]:
    found = []
    for place in ranked:
        characters -= sum(min(len(text), LONGEST_TEXT) for text in _texts(examples[place].record))
        if characters < 0:
            break
        found.append(place)
    return found


def _texts(record: Record) -> list[str]:
    return [record.input, record.output or "", *record.references, record.teacher_output or ""]


def _data(report: Report) -> _Object:
    reasons = worth_a_look(
        report.examples, measures=report.manifest.measures, teacher=report.teacher
    )
    places = chosen(report, reasons)
    systems = [system.name for system in report.manifest.systems]
    records = [report.examples[place].record for place in places]
    items = {record.item_id: record for record in records}
    order = {item_id: place for place, item_id in enumerate(items)}
    teachers = {r.item_id: r.teacher_output for r in records if r.teacher_output is not None}
    return {
        "total": len(report.examples),
        "systems": systems,
        "teacher": report.teacher,
        "metrics": [_metric(measure) for measure in report.manifest.measures],
        "slices": {name: list(values) for name, values in report.manifest.slices.items()},
        "items": [_item(record, teachers.get(item_id)) for item_id, record in items.items()],
        "records": [
            [
                order[record.item_id],
                systems.index(record.system),
                None if record.output is None else _cut(record.output),
                _scores(report.examples[place], reasons[place]),
            ]
            for place, record in zip(places, records, strict=True)
        ],
    }


def _metric(measure: Measure) -> _Object:
    return {"name": measure.metric, "target": measure.target.value, "judged": measure.judged}


def _item(record: Record, teacher: str | None) -> _Object:
    found: _Object = {
        "id": record.item_id,
        "input": _cut(record.input),
        "references": [_cut(reference) for reference in record.references],
        "slices": dict(record.slices),
    }
    if teacher is not None:
        found["teacher"] = _cut(teacher)
    if record.opponent is not None:
        found["opponent"] = _cut(record.opponent)
    return found


def _scores(example: Example, reasons: Reasons) -> list[_Object]:
    return [
        {
            **_score(outcome, trusted=example.trusted[metric], reasons=reasons[metric]),
            **_people(example.people.get(metric)),
        }
        for metric, outcome in example.outcomes.items()
    ]


def _score(outcome: Outcome, *, trusted: bool, reasons: Sequence[str]) -> _Object:
    if isinstance(outcome, NotApplicable):
        return {"outside": outcome.reason}
    if isinstance(outcome, Fate):
        return {"fate": outcome.code.value, "why": _cut(outcome.message), "reasons": reasons}
    found: _Object = {"value": outcome.value}
    if not trusted:
        found["untrusted"] = True
    if reasons:
        found["reasons"] = reasons
    if outcome.label:
        found["label"] = outcome.label
    if outcome.rationale:
        found["why"] = _cut(outcome.rationale)
    if outcome.flags:
        found["flags"] = list(outcome.flags)
    if outcome.details:
        found["details"] = dict(outcome.details)
    return found


def _people(said: SaidByPeople | None) -> _Object:
    if said is None:
        return {}
    return {"people": said.label, **({"constructed": True} if said.constructed else {})}


def _cut(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n[... {len(text) - LONGEST_TEXT:,} more characters]"
