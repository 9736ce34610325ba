"""The families, and the figures of classes and of fields, as JSON: names of users are values."""

from judge.render.figures_json import figure_json
from judge.reports.families import FamilyRow
from judge.reports.figures import NO_LABEL, FieldCounts, Rates
from judge.reports.summary import Status
from judge.reports.task_figures import ClassRow, FieldRow


def family_json(row: FamilyRow) -> dict[str, object]:
    """Return how like its teacher and how right a student is."""
    figures = {"fidelity": row.fidelity, "quality": row.quality, "gap": row.gap}
    return {
        "scorer": row.scorer,
        "student": row.student,
        "status": row.status.value,
        "n_items": row.n,
        "n_unpaired": row.n_unpaired,
        **({"reason": row.reason} if row.status is not Status.SHOWN else {}),
        **{name: figure_json(found) for name, found in figures.items() if found is not None},
    }


def class_json(row: ClassRow) -> dict[str, object]:
    """Return how well a system tells the classes."""
    return {
        "metric": row.metric,
        "system": row.system,
        "n": row.n,
        "macro_f1": figure_json(row.figures.macro_f1),
        "classes": [
            {
                "class": label,
                "expected": row.expected[label],
                "rare": label in row.rare,
                **_rates(rates),
            }
            for label, rates in row.figures.classes.items()
        ],
        "confusion": [
            {
                "expected": expected,
                **({} if found == NO_LABEL else {"found": found}),
                "n": n,
            }
            for expected, counts in row.figures.confusion.items()
            for found, n in counts.items()
        ],
    }


def field_json(row: FieldRow) -> dict[str, object]:
    """Return how well a system extracts the fields; the worst of them have rates."""
    crossed = row.valid_by_right
    found: dict[str, object] = {
        "metric": row.metric,
        "system": row.system,
        "n": row.n,
        "micro": _rates(row.figures.micro),
        "macro_f1": figure_json(row.figures.macro_f1),
        "fields": [
            _field(name, counts, row.figures.fields.get(name))
            for name, counts in row.figures.counts.items()
        ],
    }
    if crossed is not None:
        found["valid_by_right"] = {
            "valid_right": crossed.valid_right,
            "valid_wrong": crossed.valid_wrong,
            "invalid_right": crossed.invalid_right,
            "invalid_wrong": crossed.invalid_wrong,
        }
    return found


def _field(name: str, counts: FieldCounts, rates: Rates | None) -> dict[str, object]:
    return {
        "field": name,
        "right": counts.right,
        "given": counts.given,
        "wanted": counts.wanted,
        **({} if rates is None else _rates(rates)),
    }


def _rates(rates: Rates) -> dict[str, object]:
    return {
        "precision": figure_json(rates.precision),
        "recall": figure_json(rates.recall),
        "f1": figure_json(rates.f1),
    }
