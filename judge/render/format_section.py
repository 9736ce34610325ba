"""Format adherence in a run, as a section of its page."""

from collections.abc import Mapping, Sequence

from judge.render.page import Section, Table
from judge.render.text import NO_NUMBER, figure, listed, one_line, percent_interval
from judge.reports.format import FormatFindings, FormatPart
from judge.reports.format_errors import FrequentError
from judge.reports.groups import OVERALL
from judge.stats.estimate import Estimate, Undefined

_LONGEST_SHOWN = 80


def format_sections(findings: FormatFindings | None) -> list[Section]:
    """Return the section, or none where no output was held against a format."""
    if findings is None or not findings.parts:
        return []
    lines = [
        "strict is the score: exactly the document, or the text, that was asked for",
        "lenient forgives what stands around it: fences, prose, a comma too many, a missing end",
    ]
    tables = [_rates_table(findings.parts)]
    if any(part.errors.shapes or part.errors.kinds for part in findings.parts):
        tables.append(_errors_table(findings.parts))
    if findings.frequent:
        tables.append(_frequent_table(findings.frequent))
    if findings.beside_teacher:
        tables.append(_teacher_table(findings))
    return [Section(title="Format", lines=lines, tables=tables)]


def _rates_table(parts: Sequence[FormatPart]) -> Table:
    return Table(
        columns=["system and slice", "N", "strict", "lenient", "repair, characters"],
        rows=[
            [
                f"{part.system}  {part.slice}",
                str(part.errors.outputs),
                _share(part.strict),
                _share(part.lenient),
                _repair(part.errors.repairs),
            ]
            for part in parts
        ],
    )


def _share(found: Estimate | Undefined) -> str:
    return percent_interval(found) if isinstance(found, Estimate) else NO_NUMBER


def _repair(repairs: Sequence[int]) -> str:
    """Return the median, the most and how many."""
    if not repairs:
        return NO_NUMBER
    return f"{repairs[len(repairs) // 2]}, at most {repairs[-1]} ({len(repairs)} outputs)"


def _errors_table(parts: Sequence[FormatPart]) -> Table:
    return Table(
        columns=["system and slice", "not read strictly", "read, and not accepted"],
        rows=[
            [
                f"{part.system}  {part.slice}",
                _counts(part.errors.shapes),
                _counts(part.errors.kinds),
            ]
            for part in parts
            if part.slice == OVERALL or part.errors.strict < part.errors.outputs
        ],
    )


def _counts(counts: Mapping[str, int]) -> str:
    most_first = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return listed(dict(most_first)) or NO_NUMBER


def _frequent_table(frequent: Sequence[FrequentError]) -> Table:
    return Table(
        columns=["goes wrong most", "outputs", "for example", "to do"],
        rows=[
            [
                _line(" ".join(dict.fromkeys((error.kind, error.keyword, error.place)))),
                listed({name: n for name, n in error.outputs.items() if n}),
                _line(f"{error.item_id} of {error.system}: {error.message}"),
                one_line(error.fix),
            ]
            for error in frequent
        ],
    )


def _teacher_table(findings: FormatFindings) -> Table:
    return Table(
        columns=[
            "beside the teacher",
            "N",
            "only the teacher right",
            "only it right",
            "difference",
        ],
        rows=[
            [
                one.student,
                str(one.n),
                str(one.teacher_only),
                str(one.student_only),
                figure(one.difference),
            ]
            for one in findings.beside_teacher
        ],
    )


def _line(text: str) -> str:
    return one_line(text, most=_LONGEST_SHOWN)
