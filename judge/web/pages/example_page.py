"""What one example shows: its texts, what differs between them, and every score with why."""

import json
from collections.abc import Collection, Mapping

from judge.records.record import Record
from judge.render.differing import Difference, difference, laid_out
from judge.render.markup import Markup, element, together
from judge.reports.report import SaidByPeople
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import RunManifest
from judge.web.pages.frame import badge, table

LONGEST_TEXT = 200_000
"""Beyond it a text is cut, and says so."""
_MOST_REFERENCES = 8
_NAMES = {"reference": "the reference", "teacher": "the teacher"}


def example_parts(
    record: Record,
    outcomes: Mapping[str, Outcome],
    *,
    manifest: RunManifest,
    against: str,
    withheld: Collection[str],
    people: Mapping[str, SaidByPeople],
) -> list[Markup]:
    """Return the parts of the page of one example.

    Args:
        record: what was scored.
        outcomes: by metric.
        manifest: of the run.
        against: what its output is compared with: ``reference`` or ``teacher``.
        withheld: metrics of judges that are not believed.
        people: by metric, what people said of the text.
    """
    slices = " · ".join(f"{name}={value}" for name, value in record.slices.items())
    rows = [
        _score_row(
            m.metric,
            outcomes.get(m.metric),
            withheld=m.metric in withheld,
            said=people.get(m.metric),
        )
        for m in manifest.measures
    ]
    return [
        _block("Input", _said(record.input, "input")) if record.input else Markup(),
        element("div", *_texts(record, against), class_="texts"),
        table("Scores", ("measure", "score", "why"), rows),
        element("p", slices, class_="note") if slices else Markup(),
    ]


def _texts(record: Record, against: str) -> list[Markup]:
    sides = {
        "reference": list(record.references[:_MOST_REFERENCES]),
        "teacher": [] if record.teacher_output is None else [record.teacher_output],
    }
    title = f"Output of {record.system}"
    wanted = against if sides.get(against) else next((s for s in sides if sides[s]), "")
    if record.output is None or not record.output.strip() or not wanted:
        words = "there is none" if record.output is None else record.output or "it is empty"
        return [*_others(record, sides, ""), _block(title, _said(words))]
    output = _cut(record.output)
    base, found = _closest(sides[wanted], output, wanted)
    kind = "data" if found.as_data else ""
    heading = "Teacher" if wanted == "teacher" else _reference(record, base)
    parts = [
        _block(heading, _said(found.left, kind)),
        _block(title, _said(found.right, kind), element("p", found.summary, class_="note")),
    ]
    if found.as_data:
        received = element("summary", "as it was received")
        parts[1] = together(parts[1], element("details", received, _said(output, "data")))
        parts[1] = element("div", parts[1])
    return parts + _others(record, sides, wanted if wanted == "teacher" else base)


def _closest(bases: list[str], output: str, wanted: str) -> tuple[str, Difference]:
    found = [(base, difference(_cut(base), output, name=_NAMES[wanted])) for base in bases]
    return min(found, key=lambda pair: pair[1].size)


def _reference(record: Record, base: str) -> str:
    if len(record.references) == 1:
        return "Reference"
    return f"Reference {record.references.index(base) + 1}, the closest"


def _others(record: Record, sides: Mapping[str, list[str]], shown: str) -> list[Markup]:
    """Return the texts that the output is not compared with."""
    found = [
        _block("Reference" if not shown or shown == "teacher" else "Another reference", _plain(one))
        for one in sides["reference"]
        if one != shown
    ]
    if shown != "teacher":
        found += [_block("Teacher", _plain(one)) for one in sides["teacher"]]
    if record.opponent is not None:
        found.append(_block("The other output of the pair", _plain(record.opponent)))
    return found


def _plain(text: str) -> Markup:
    data = laid_out(text) if text.lstrip()[:1] in {"{", "["} else None
    return _said(_cut(text if data is None else data), "" if data is None else "data")


def _block(title: str, *body: Markup) -> Markup:
    return element("div", element("h2", title), *body, class_="block")


def _said(content: str, kind: str = "") -> Markup:
    return element("pre", content, class_=f"said {kind}".strip(), dir="auto", tabindex="0")


def _cut(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n[... {len(text) - LONGEST_TEXT:,} more characters]"


def _score_row(
    metric: str, outcome: Outcome | None, *, withheld: bool, said: SaidByPeople | None
) -> Markup:
    name = element("th", metric, scope="row")
    if outcome is None:
        return element("tr", name, element("td", badge("not yet scored", "doubt")), element("td"))
    if isinstance(outcome, NotApplicable):
        dash = element("td", "\N{EN DASH}", class_="quiet")
        return element("tr", name, dash, element("td", outcome.reason, class_="quiet"))
    if isinstance(outcome, Fate):
        why = element("div", outcome.message, class_="reason", dir="auto")
        return element(
            "tr", name, element("td", badge(outcome.code.value, "doubt")), element("td", why)
        )
    value = [element("span", outcome.label or f"{outcome.value:.3f}", class_="value")]
    if outcome.label:
        value.append(element("span", f" {outcome.value:g}", class_="quiet"))
    if withheld:
        value.append(together(" ", badge("not trusted", "doubt")))
    return element("tr", name, element("td", *value), element("td", *_why(outcome, said)))


def _why(score: Score, said: SaidByPeople | None) -> list[Markup]:
    found = []
    if score.rationale:
        found.append(element("div", _cut(score.rationale), class_="reason", dir="auto"))
    if said is not None:
        who = "label, constructed by an author" if said.constructed else "people"
        agrees = said.label == score.label
        words = f"{who}: {said.label}{'' if agrees else ' (not what the judge said)'}"
        found.append(element("div", words, class_="note" if agrees else "note bad"))
    if score.flags:
        found.append(element("div", f"flags: {', '.join(score.flags)}", class_="note"))
    if score.details:
        evidence = json.dumps(dict(score.details), indent=1, ensure_ascii=False)
        found.append(
            element("details", element("summary", "evidence"), _said(_cut(evidence), "data"))
        )
    return found or [element("span", "\N{EN DASH}", class_="quiet")]
