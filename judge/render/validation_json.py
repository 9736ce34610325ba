"""Validations as JSON: stable keys, in the order in which a reader asks."""

from typing import TypeAlias

from judge.render.calibration_json import probabilities_json
from judge.render.figures_json import figure_json
from judge.render.json import SCHEMA_VERSION, certificate_json, encoded
from judge.stats.estimate import Undefined
from judge.stats.multiplicity import PValue
from judge.trust.agreement import Agreement
from judge.trust.confidence import ConfidenceFindings
from judge.trust.probes import Probes, suspicions
from judge.trust.raters import RaterFindings
from judge.trust.spread import Spread
from judge.trust.validation import Validation

_Object: TypeAlias = dict[str, object]


def validation_json(validation: Validation) -> bytes:
    """Return a validation as indented UTF-8 JSON."""
    certificate = validation.certificate
    baseline = validation.baseline
    return encoded(
        {
            "schema_version": SCHEMA_VERSION,
            "standing": certificate.standing.value,
            "reasons": list(certificate.reasons),
            "agreement": _agreement(validation.overall),
            "systems": {name: _agreement(part) for name, part in validation.systems.items()},
            "slices": {name: _agreement(part) for name, part in validation.slices.items()},
            "disagreements": [
                {
                    "id": one.key.item_id,
                    "system": one.key.system,
                    "human": one.human,
                    "judge": one.judge,
                    "gap": one.gap,
                    "rationale": one.rationale,
                }
                for one in validation.disagreements
            ],
            "baseline": _agreement(baseline) if baseline else None,
            "certificate": certificate_json(certificate),
            "notes": list(certificate.notes),
            "differential": _p_value(validation.differential),
            **({"raters": _raters(validation.raters)} if validation.raters else {}),
            "correlations": [
                {
                    "at": one.at,
                    "statistic": one.statistic,
                    **figure_json(one.estimate),
                    "skipped": dict(one.skipped),
                }
                for one in validation.correlations
            ],
            "probes": _probes(validation.probes),
            **({"calibration": _confidence(found)} if (found := validation.confidence) else {}),
            **({"spread": _spread(validation.spread)} if validation.spread else {}),
            "set_aside": dict(validation.provenance.set_aside),
            "categories": list(validation.measure.categories),
        }
    )


def _p_value(found: PValue | Undefined) -> _Object:
    if isinstance(found, Undefined):
        return {"undefined": found.reason}
    return {
        "p_value": found.value,
        "n": found.n,
        "n_clusters": found.n_clusters,
        "method": found.method,
    }


def _raters(found: RaterFindings) -> _Object:
    ceiling = found.ceiling
    return {
        "raters": list(found.raters),
        "n_shared": found.n_shared,
        "ac": figure_json(found.ac),
        "alpha": figure_json(found.alpha),
        "ceiling": {
            "score": ceiling.score,
            "aggregate": ceiling.aggregate,
            "human": figure_json(ceiling.human),
            "judge": figure_json(ceiling.judge),
            "delta": figure_json(ceiling.delta),
            "tied": ceiling.tied,
            "raters": [
                {
                    "rater": found.raters[row.rater],
                    "human": figure_json(row.human),
                    "judge": figure_json(row.judge),
                    "delta": figure_json(row.delta),
                }
                for row in ceiling.raters
            ],
        },
        "alternative_annotator_test": _alternative(found),
    }


def _alternative(found: RaterFindings) -> _Object:
    test = found.alternative
    if isinstance(test, Undefined):
        return {"undefined": test.reason}
    return {
        "omega": test.omega,
        "rho": test.rho,
        "passes": test.passes,
        "epsilon": test.epsilon,
        "raters": [
            {
                "rater": found.raters[row.rater],
                "judge_wins": row.judge_wins,
                "rater_wins": row.rater_wins,
                "p_value": row.p_value.value,
                "adjusted": row.adjusted,
                "rejected": row.rejected,
            }
            for row in test.raters
        ],
        "untested": [found.raters[column] for column in test.untested],
    }


def _confidence(found: ConfidenceFindings) -> _Object:
    return {
        "n_verdicts": found.n_verdicts,
        **probabilities_json(found.figures),
        "recalibrated": {
            method: {"undefined": one.reason}
            if isinstance(one, Undefined)
            else {**probabilities_json(one.after), "brier_change": figure_json(one.brier_change)}
            for method, one in found.recalibrated.items()
        },
    }


def _spread(found: Spread) -> _Object:
    parts = found.components
    named = (("items", parts.items), ("outputs", parts.outputs), ("verdicts", parts.verdicts))
    spread: _Object = {
        name: {"variance": figure_json(part.variance), "share": figure_json(part.share)}
        for name, part in named
    }
    if found.best is not None:
        spread["next_call_best_spent_on"] = found.best
    return spread


def _probes(found: Probes) -> _Object:
    probes: _Object = {"suspicions": list(suspicions(found)), "length": figure_json(found.length)}
    if found.repeat is not None:
        probes["repeat"] = figure_json(found.repeat)
    if found.order is not None:
        probes["order"] = {
            "n_pairs": found.order.n_pairs,
            "same_winner": figure_json(found.order.same_winner),
            "first_slot": figure_json(found.order.first_slot),
            "accuracy": {name: figure_json(one) for name, one in found.order.accuracy.items()},
        }
    if found.family is not None:
        probes["family"] = {
            "judge": found.family.family,
            "related": list(found.family.related),
            "excess": figure_json(found.family.excess),
        }
    return probes


def _agreement(found: Agreement) -> _Object:
    return {
        **{name: figure_json(one) for name, one in found.figures.items()},
        "n_labels": found.n_labels,
        "n_items": found.n_items,
        "confusion": [list(row) for row in found.confusion],
        "fates": dict(found.fates),
    }
