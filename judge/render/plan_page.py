"""A labelling plan as a page and as JSON."""

from collections.abc import Mapping, Sequence

import msgspec

from judge.render.json import SCHEMA_VERSION
from judge.render.page import Page, Section, Table
from judge.render.text import NO_NUMBER, number, share
from judge.stats.estimate import Undefined
from judge.trust.needs import Aim, Need, Rates
from judge.trust.planning import LabelPlan


def plan_page(plan: LabelPlan, *, name: str, steps: Sequence[str]) -> Page:
    """Return what a plan asks for and what it is good for.

    Args:
        plan: to show.
        name: of the project.
        steps: what to do next, or what was done, in words.
    """
    return Page(
        title=f"{name}: labels by people for {plan.measure.metric}",
        sections=[
            _needs_section(plan),
            _plan_section(plan),
            Section(title="Next", lines=steps),
        ],
    )


def plan_json(plan: LabelPlan, *, files: Mapping[str, str]) -> bytes:
    """Return a plan as indented UTF-8 JSON; its rows stand in the plan's own file.

    Args:
        plan: to show.
        files: what was written, by what it is.
    """
    value = {
        "schema_version": SCHEMA_VERSION,
        "metric": plan.measure.metric,
        "criterion": plan.measure.criterion,
        "target": plan.measure.target.value,
        "judge": {
            "sensitivity": plan.rates.sensitivity,
            "specificity": plan.rates.specificity,
            "certificate": plan.rates.certificate or None,
        },
        "needs": [
            {
                "aim": need.aim.value,
                "of": need.of or None,
                "wanted": need.wanted,
                "alone": _count_json(need.alone),
                "with_judge": _count_json(need.with_judge),
            }
            for need in plan.needs
        ],
        "margins": {student: _count_json(found) for student, found in plan.margins.items()},
        "systems": {
            system: {"outputs": outputs, "planned": _planned(plan, system)}
            for system, outputs in plan.outputs.items()
        },
        "planned": len(plan.rows),
        "items": plan.n_items,
        "kept": plan.kept,
        "asked": len(plan.asked),
        "raters": list(plan.raters),
        "seconds_per_label": plan.seconds_per_label,
        "hours": plan.hours,
        "files": dict(files),
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _needs_section(plan: LabelPlan) -> Section:
    columns = ["aim", "labels alone", "labels with the judge"]
    rows = [[_aim(need), _count(need.alone), _count(need.with_judge)] for need in plan.needs]
    reasons = [
        f"{_aim(need)}: {found.reason}"
        for need in plan.needs
        for found in (need.alone, need.with_judge)
        if isinstance(found, Undefined) and not (need.aim is Aim.STANDING and found is need.alone)
    ]
    lines = [
        _rates(plan.rates),
        "shares of passes are expected by the verdicts; nobody vouches for them: for planning only",
        *dict.fromkeys(reasons),
    ]
    return Section(title="What it takes", lines=lines, tables=[Table(columns=columns, rows=rows)])


def _aim(need: Need) -> str:
    if need.aim is Aim.HALF_WIDTH:
        return f"{need.of} to +/- {number(need.wanted)}"
    if need.aim is Aim.MARGIN:
        return f"{need.of} keeps {share(need.wanted)} of the teacher (items, both labelled)"
    return f"a trusted judge: informedness at least {number(need.wanted)}"


def _count(found: int | Undefined) -> str:
    return NO_NUMBER if isinstance(found, Undefined) else str(found)


def _count_json(found: float | Undefined) -> object:
    return {"undefined": found.reason} if isinstance(found, Undefined) else found


def _rates(rates: Rates) -> str:
    found = f"sensitivity {number(rates.sensitivity)}, specificity {number(rates.specificity)}"
    if rates.certificate:
        return f"the judge as certificate {rates.certificate} found it: {found}"
    return f"nobody has measured this judge; assumed: {found}"


def _plan_section(plan: LabelPlan) -> Section:
    chances = [row.inclusion_probability for row in plan.rows]
    raters = ", ".join(plan.raters) or "one rater"
    lines = [
        (
            f"{len(plan.rows)} outputs on {plan.n_items} items drawn, with chances of "
            f"{number(min(chances))} to {number(max(chances))}; {plan.kept} of them keep the label "
            "of an unchanged text"
        ),
        (
            f"{len(plan.asked)} labels asked of {raters}: about {plan.hours:.1f} hours at "
            f"{plan.seconds_per_label:g} s a label"
        ),
        *_too_few_items(plan),
        *(_margin(student, found) for student, found in plan.margins.items()),
    ]
    rows = [
        [system, str(outputs), str(_planned(plan, system))]
        for system, outputs in plan.outputs.items()
    ]
    table = Table(columns=["system", "outputs", "to be labelled"], rows=rows)
    return Section(title="This plan", lines=lines, tables=[table])


def _too_few_items(plan: LabelPlan) -> list[str]:
    if plan.n_items >= plan.min_items:
        return []
    return [f"too few items for a trusted judge: {plan.min_items} are needed; more --labels"]


def _margin(student: str, found: float | Undefined) -> str:
    if isinstance(found, Undefined):
        return f"{student}: nothing can be said of what it keeps of the teacher: {found.reason}"
    return (
        f"{student}: if it is as good as the teacher, these labels could show that it keeps "
        f"{share(found)}"
    )


def _planned(plan: LabelPlan, system: str) -> int:
    return sum(row.key.system == system for row in plan.rows)
