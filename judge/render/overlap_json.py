"""What training had of an evaluation set, as JSON."""

from judge.records.alike import AlikeText
from judge.records.overlap import Finding, Overlap
from judge.render.figures_json import figure_json
from judge.reports.leakage import LeakageFindings, LeakageRow
from judge.reports.summary import Status


def leakage_json(found: LeakageFindings | None) -> dict[str, object]:
    """Return the part of a run's report, or nothing where nobody looked into training files."""
    if found is None:
        return {}
    scores = [_score(row) for row in found.rows]
    return {"training_overlap": {**overlap_json(found.overlap), "scores": scores}}


def overlap_json(overlap: Overlap) -> dict[str, object]:
    """Return what training files had of a set, and where."""
    return {
        "leaked_items": list(overlap.leaked_items),
        "leaks": [_finding(one) for one in overlap.leaks],
        "too_short_to_tell": [_finding(one) for one in overlap.generic],
        "texts": overlap.texts,
        "looked_for_as_a_whole_only": overlap.only_whole,
        "files": [
            {
                "file": str(one.file),
                "texts": one.texts,
                "unread": one.unread,
                "first_unread": [
                    {"line": row.line, "reason": row.reason} for row in one.first_unread
                ],
            }
            for one in overlap.files
        ],
    }


def alike_json(one: AlikeText) -> dict[str, object]:
    """Return an evaluation text with the training text closest in meaning."""
    return {
        "id": one.item_id,
        "part": one.part,
        "cosine": one.cosine,
        "file": str(one.file),
        "line": one.line,
        **({"column": one.column} if one.column else {}),
    }


def _finding(one: Finding) -> dict[str, object]:
    return {
        "id": one.item_id,
        "part": one.part,
        "likeness": one.likeness.value,
        "similarity": one.similarity,
        "file": str(one.file),
        "line": one.line,
        **({"column": one.column} if one.column else {}),
        "times": one.times,
    }


def _score(row: LeakageRow) -> dict[str, object]:
    figures = {"with_leaked": row.every, "without_leaked": row.clean}
    return {
        "metric": row.metric,
        "system": row.system,
        "status": row.status.value,
        "n": row.n,
        "n_leaked": row.n_leaked,
        **({"reason": row.reason} if row.status is not Status.SHOWN else {}),
        **{name: figure_json(one) for name, one in figures.items() if one is not None},
    }
