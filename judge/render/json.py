"""Reports as JSON: stable keys, what every other format can be made from."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from judge.render.calibration_json import calibration_json
from judge.render.decision_json import decision_json
from judge.render.diagnosis_json import finding_json
from judge.render.divergence_json import divergence_json
from judge.render.figures_json import figure_json
from judge.render.format_json import format_json
from judge.render.operations_json import operations_json
from judge.render.overlap_json import leakage_json
from judge.render.similarity_json import similarity_json
from judge.render.slices_section import slice_json
from judge.render.task_json import class_json, family_json, field_json
from judge.reports.corrected import Corrected
from judge.reports.report import Example, Report
from judge.reports.retention import RetentionRow
from judge.reports.summary import Status, SummaryRow
from judge.results.outcome import Fate, NotApplicable, Outcome
from judge.results.run import Measure
from judge.results.spending import Spending, Spent
from judge.trust.certificate import Certificate, JudgeTrust, PartStanding
from judge.trust.control_findings import ControlFindings

SCHEMA_VERSION = "1"

_Object: TypeAlias = dict[str, object]


def report_json(report: Report) -> bytes:
    """Return a report as indented UTF-8 JSON."""
    return encoded(
        {
            "schema_version": SCHEMA_VERSION,
            "run": _run(report),
            **({"decision": decision_json(report.decision)} if report.decision else {}),
            "trust": [_trust(trust, report.controls) for trust in report.trust],
            "estimates": [_estimate_row(row) for row in report.estimates],
            "slices": [slice_json(row) for row in report.slices],
            "retention": [_retention_row(row) for row in report.retention],
            "families": [family_json(row) for row in report.families],
            "classes": [class_json(row) for row in report.classes],
            "fields": [field_json(row) for row in report.fields],
            **similarity_json(report.similarity),
            **leakage_json(report.leakage),
            **format_json(report.format),
            **operations_json(report.operations),
            "calibration": [calibration_json(row) for row in report.calibration],
            "divergence": [divergence_json(row) for row in report.divergence],
            "diagnosis": [finding_json(found) for found in report.diagnosis],
            **_spending(report.spending),
            "examples": [_example(example) for example in report.examples],
        }
    )


def examples_jsonl(report: Report) -> bytes:
    """Return one line per record: its texts and all that was measured of it."""
    lines = (msgspec.json.encode(_example(example)) for example in report.examples)
    return b"".join(line + b"\n" for line in lines)


def _run(report: Report) -> object:
    manifest = report.manifest
    return {
        "run_id": manifest.run_id,
        "name": manifest.name,
        "started": manifest.started.isoformat(),
        "complete": report.complete,
        "possibly_paid": report.possibly_paid,
        "dataset": manifest.dataset,
        "outputs": dict(manifest.outputs),
        "n_items": manifest.n_items,
        "systems": [
            {"name": s.name, "role": s.role.value, "parameters": s.parameters, "family": s.family}
            for s in manifest.systems
        ],
        "measures": [
            {
                "metric": measure.metric,
                "criterion": measure.criterion,
                "target": measure.target.value,
                "judged": measure.judged,
                "scale": _scale(measure),
                "signature": measure.signature,
                "identity": dict(measure.identity),
                "empty_output_counts_as": measure.empty_value,
            }
            for measure in manifest.measures
        ],
        "seed": manifest.seed,
        "versions": dict(manifest.versions),
        "config_path": manifest.config_path,
    }


def _spending(spending: Spending | None) -> _Object:
    if spending is None:
        return {}
    by_measure = {metric: _spent(spent) for metric, spent in spending.by_measure.items()}
    by_fate = {fate: _spent(spent) for fate, spent in spending.by_fate.items()}
    return {
        "spending": {
            "total": _spent(spending.total),
            "by_measure": by_measure,
            "by_fate": by_fate,
        }
    }


def _spent(spent: Spent) -> object:
    return {
        "calls": spent.calls,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        # Absent where nothing of it is known: no cost is ever told as 0 that may be more.
        **({"cost_usd": spent.cost.dollars} if spent.cost.known else {}),
        "calls_of_unknown_cost": spent.cost.unknown,
        "possibly_paid": spent.possibly_paid,
    }


def _scale(measure: Measure) -> list[str] | list[float]:
    return list(measure.categories) or [measure.lower, measure.upper]


def _trust(trust: JudgeTrust, controls: Mapping[str, ControlFindings]) -> object:
    measure = trust.measure
    found: _Object = {
        "metric": measure.metric,
        "judge": dict(measure.identity),
        "criterion": measure.criterion,
        "target": measure.target.value,
        "standing": trust.standing.value,
        "reasons": list(trust.reasons),
        "next": trust.remedy,
    }
    if (tried := controls.get(measure.metric)) is not None:
        found["controls_in_run"] = msgspec.to_builtins(tried)
    if trust.certificate is not None:
        found["notes"] = list(trust.certificate.notes)
        found["agreement"] = _findings(trust.certificate)
        found["certificate"] = certificate_json(trust.certificate)
    return found


def _findings(certificate: Certificate) -> _Object:
    return {
        **{name: figure_json(found) for name, found in certificate.findings.items()},
        **{name: {"undefined": why} for name, why in certificate.undefined.items()},
    }


def _part(part: PartStanding) -> _Object:
    return {
        "name": part.name,
        "standing": part.standing.value,
        "n_labels": part.n_labels,
        "reason": part.reason,
        **({"primary": figure_json(part.primary)} if part.primary else {}),
    }


def certificate_json(certificate: Certificate) -> _Object:
    """Return a certificate with everything that is written on it."""
    thresholds = certificate.thresholds
    return {
        "id": certificate.certificate_id,
        "criterion": certificate.criterion,
        "target": certificate.target.value,
        "signature": certificate.signature,
        "judge": dict(certificate.identity),
        "served": list(certificate.served),
        "fingerprints": list(certificate.fingerprints),
        "ratings": certificate.ratings,
        "population": certificate.population,
        "source": certificate.source.value,
        "n_labels": certificate.n_labels,
        "n_items": certificate.n_items,
        "n_raters": certificate.n_raters,
        "look": certificate.look,
        "controls": certificate.controls,
        **(
            {"control_findings": msgspec.to_builtins(certificate.control_findings)}
            if certificate.control_findings is not None
            else {}
        ),
        "findings": _findings(certificate),
        "systems": [_part(part) for part in certificate.systems],
        "slices": [_part(part) for part in certificate.slices],
        "thresholds": {**msgspec.to_builtins(thresholds)},
        "sentinels": len(certificate.sentinels),
        "notes": list(certificate.notes),
        "standing": certificate.standing.value,
        "reasons": list(certificate.reasons),
        "issued": certificate.issued.isoformat(),
        "valid_until": certificate.valid_until.isoformat(),
    }


def _estimate_row(row: SummaryRow) -> object:
    counts = row.counts
    found: _Object = {
        "metric": row.metric,
        "scorer": row.scorer,
        "target": row.target,
        "system": row.system,
        "slice": row.slice,
        "status": row.status.value,
        "level": row.level,
        "n": counts.scored + counts.by_policy,
        "n_clusters": row.n_clusters,
        "method": "none",
        "n_records": counts.n_records,
        "scored": counts.scored,
        "not_applicable": counts.not_applicable,
        "counted_by_policy": counts.by_policy,
        "coverage": counts.coverage,
        "fates": dict(counts.fates),
        "flags": dict(counts.flags),
    }
    if row.estimate is not None:
        found.update(figure_json(row.estimate))
    if row.bounds is not None:
        found["bounds"] = list(row.bounds)
    if row.status is not Status.SHOWN:
        found["reason"] = row.reason
    if row.corrected is not None:
        found["corrected"] = corrected_json(row.corrected)
    return found


def corrected_json(corrected: Corrected) -> _Object:
    """Return a number that rests on labels by people, or why there is none."""
    if corrected.estimate is None:
        return {"status": "refused", "reason": corrected.reason, "n_labels": corrected.n_labels}
    found: _Object = {
        "status": "shown",
        "estimand": "these outputs",
        **figure_json(corrected.estimate),
        "n_labels": corrected.n_labels,
        "conditions": corrected.conditions,
    }
    if corrected.effective_labels is not None:
        found["effective_labels"] = corrected.effective_labels
    if corrected.without_judge is not None:
        found["labels_alone"] = figure_json(corrected.without_judge)
    return found


def _retention_row(row: RetentionRow) -> object:
    found: _Object = {
        "metric": row.metric,
        "student": row.student,
        "teacher": row.teacher,
        "slice": row.slice,
        "status": row.status.value,
        "n_pairs": row.n_pairs,
        "n_unpaired": row.n_unpaired,
    }
    if row.estimate is not None:
        found.update(figure_json(row.estimate))
    if row.status is not Status.SHOWN:
        found["reason"] = row.reason
    if row.corrected is not None:
        found["corrected"] = corrected_json(row.corrected)
    return found


def _example(example: Example) -> object:
    record = example.record
    people = {
        metric: {"label": said.label, "constructed": said.constructed}
        for metric, said in example.people.items()
    }
    scores: _Object = {
        metric: _outcome(outcome, trusted=example.trusted[metric])
        for metric, outcome in example.outcomes.items()
    }
    return {
        "id": record.item_id,
        "system": record.system,
        "slices": dict(record.slices),
        "input": record.input,
        "output": record.output,
        "references": list(record.references),
        "teacher_output": record.teacher_output,
        "scores": scores,
        **({"people": people} if people else {}),
        "trusted": all(example.trusted.values()),
    }


def _outcome(outcome: Outcome, *, trusted: bool) -> object:
    if isinstance(outcome, NotApplicable):
        return {"not_applicable": outcome.reason}
    if isinstance(outcome, Fate):
        return {"fate": outcome.code.value, "message": outcome.message}
    found: _Object = {"value": outcome.value, "trusted": trusted}
    for name, text in (
        ("label", outcome.label),
        ("rationale", outcome.rationale),
        ("served", outcome.served),
    ):
        if text:
            found[name] = text
    if outcome.flags:
        found["flags"] = list(outcome.flags)
    if outcome.details:
        found["details"] = dict(outcome.details)
    return found


def encoded(value: Mapping[str, object]) -> bytes:
    """Return a mapping as indented UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
