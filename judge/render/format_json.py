"""Format adherence in a run, as JSON."""

from typing import TypeAlias

import msgspec

from judge.render.figures_json import figure_json
from judge.reports.format import FormatBesideTeacher, FormatFindings, FormatPart

_Object: TypeAlias = dict[str, object]


def format_json(findings: FormatFindings | None) -> _Object:
    """Return the part ``format`` of a report; nothing where format was not measured."""
    if findings is None:
        return {}
    return {
        "format": {
            "metric": findings.metric,
            "parts": [_part(part) for part in findings.parts],
            "frequent": [msgspec.to_builtins(one) for one in findings.frequent],
            "beside_teacher": [_beside(one) for one in findings.beside_teacher],
        }
    }


def _part(part: FormatPart) -> _Object:
    errors = part.errors
    found: _Object = {
        "system": part.system,
        "slice": part.slice,
        "n": errors.outputs,
        "strict": figure_json(part.strict),
        "lenient": figure_json(part.lenient),
        "shapes": dict(errors.shapes),
        "kinds": dict(errors.kinds),
    }
    if errors.repairs:
        middle = errors.repairs[len(errors.repairs) // 2]
        found["repair"] = {
            "n": len(errors.repairs),
            "median_characters": middle,
            "most_characters": errors.repairs[-1],
        }
    return found


def _beside(one: FormatBesideTeacher) -> _Object:
    return {
        "student": one.student,
        "teacher": one.teacher,
        "n": one.n,
        "teacher_only": one.teacher_only,
        "student_only": one.student_only,
        "difference": figure_json(one.difference),
    }
