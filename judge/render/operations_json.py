"""What systems take to run, as JSON."""

from collections.abc import Mapping

from judge.render.figures_json import figure_json
from judge.reports.operations import Operations, OperationsRow, SavedRow
from judge.stats.estimate import Estimate, Undefined


def operations_json(found: Operations | None) -> dict[str, object]:
    """Return the keys that a report has of it; none where nothing is known."""
    if found is None:
        return {}
    return {
        "operations": [_row(row) for row in found.rows],
        "operations_saved": [_saved(row) for row in found.saved],
        "operations_warnings": list(found.warnings),
    }


def _row(row: OperationsRow) -> dict[str, object]:
    conditions = row.conditions
    return {
        "system": row.system,
        "role": row.role.value,
        "n": row.n,
        "n_timed": row.n_timed,
        "n_priced": row.n_priced,
        "failed": dict(row.failed),
        "latency_ms": _by_name(row.latency_ms),
        "first_token_ms": _by_name(row.first_token_ms),
        # Absent where nothing of it is known: what is unknown is never told as 0.
        **_known("input_tokens", row.input_tokens),
        **_known("output_tokens", row.output_tokens),
        **_known("cost_usd_per_1000", row.cost_per_1000),
        **({"parameters": row.parameters} if row.parameters else {}),
        **({"hardware": conditions.hardware} if conditions.hardware else {}),
        **({"batch": conditions.batch} if conditions.batch else {}),
        **({"memory_gib": conditions.memory_gib} if conditions.memory_gib else {}),
        **({"outputs_per_s": conditions.outputs_per_s} if conditions.outputs_per_s else {}),
    }


def _known(name: str, found: Estimate | Undefined | None) -> dict[str, object]:
    return {} if found is None else {name: figure_json(found)}


def _by_name(found: Mapping[str, Estimate | Undefined]) -> dict[str, object]:
    return {name: figure_json(one) for name, one in found.items()}


def _saved(row: SavedRow) -> dict[str, object]:
    return {
        "student": row.student,
        "quantity": row.quantity,
        "n": row.n,
        "saved": figure_json(row.saved),
        "saved_on_a_typical_item": figure_json(row.typical),
    }
