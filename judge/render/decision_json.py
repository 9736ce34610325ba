"""Whether students may ship, as JSON."""

from judge.render.figures_json import figure_json
from judge.reports.decision import Decision, Earned, Verdict
from judge.reports.keeping import Kept
from judge.stats.estimate import Undefined


def decision_json(decision: Decision) -> dict[str, object]:
    """Return the decision with the terms it was made on."""
    terms = decision.terms
    return {
        "metric": decision.metric,
        **({} if terms.margin is None else {"margin": terms.margin}),
        "critical": list(terms.critical),
        "unscored": terms.unscored.value,
        "verdicts": [_verdict(verdict) for verdict in decision.verdicts],
        "kept": [kept_json(row) for row in decision.kept],
        "earned": [_earned(one) for one in decision.earned],
    }


def kept_json(row: Kept) -> dict[str, object]:
    """Return what a student keeps of its teacher on one slice."""
    found: dict[str, object] = {
        "metric": row.metric,
        "student": row.student,
        "teacher": row.teacher,
        "slice": row.slice,
        "basis": row.basis.value if row.basis else "none",
        "n_items": row.n_items,
        "n_labels": row.n_labels,
        "n_missing": row.n_missing,
    }
    if row.share is not None:
        found["share"] = figure_json(row.share)
    limits = {"at_least": row.at_least, "at_most": row.at_most}
    found |= {name: limit for name, limit in limits.items() if limit is not None}
    if row.decidable is not None:
        found["decidable_margin"] = _figure(row.decidable)
    if row.answer is not None:
        found |= {
            "margin": row.margin,
            "answer": row.answer,
            "p_yes": row.p_yes,
            "p_no": row.p_no,
            "more_labels": _figure(row.more_labels),
            "more_items": _figure(row.more_items),
        }
    if row.reason:
        found["reason"] = row.reason
    return found


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "student": verdict.student,
        "may_ship": verdict.answer or "not asked",
        "overall": kept_json(verdict.overall),
        "critical": [kept_json(row) for row in verdict.critical],
    }


def _earned(one: Earned) -> dict[str, object]:
    found: dict[str, object] = {
        "metric": one.metric,
        "distilled": one.distilled,
        "sft": one.sft,
        "basis": one.basis.value if one.basis else "none",
        "n_items": one.n_items,
        "difference": figure_json(one.difference),
        "earned_its_place": one.earned,
    }
    if one.bounds is not None:
        found["bounds"] = list(one.bounds)
    return found


def _figure(found: float | Undefined) -> object:
    return {"undefined": found.reason} if isinstance(found, Undefined) else found
