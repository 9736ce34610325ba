"""Judges against people: the validations of a workspace, and what one of them found."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from judge.api.dispatching import VALIDATION_KIND
from judge.render.html import table_markup
from judge.render.markup import Markup, element
from judge.render.page import Intervals, Table
from judge.render.text import figure, interval, listed, one_line
from judge.results.job import Job, JobKind, JobState
from judge.stats.estimate import Estimate, Undefined
from judge.web import validations as api
from judge.web.access import Caller, Role, needs
from judge.web.forms import FormBody
from judge.web.jobs import job_of
from judge.web.pages.found import DisagreementRow, FoundValidation, read_validation
from judge.web.pages.frame import badge, framed, looks_again, moment, table
from judge.web.pages.jobs_page import KINDS
from judge.web.problems import not_found
from judge.web.server import Server
from judge.web.validations import ValidationRequest

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_MOST_SHOWN = 100
_DISAGREEMENTS = 50
_LOOKS_AGAIN_S = 3
_FIGURES_OF_A_PART = ("percent", "kappa", "informedness")
_STANDINGS = {"trusted": "good", "not_trusted": "bad"}


@router.get("/judges")
def judges(request: Request, caller: Annotated[Caller, needs(Role.READ)]) -> str:
    """Show the validations of a workspace and the certificates they wrote, newest first."""
    server: Server = request.app.state.server
    found = server.store.service.jobs(
        workspace=caller.workspace, kind=JobKind.VALIDATION, limit=_MOST_SHOWN
    )
    rows = [_row(job, _kept(server, job)) for _, job in found]
    columns = ("validation", "standing", "measured", "labels", "certificate until", "when")
    is_live = any(not job.state.is_over for _, job in found)
    return framed(
        "Judges",
        element(
            "p",
            "A judge is believed where its agreement with people was measured and is enough. Until "
            "then its numbers are withheld in every report.",
            class_="lines",
        ),
        table("Validations, newest first", columns, rows)
        if rows
        else element("p", "No judge was measured here yet.", class_="quiet"),
        _measure_form(server, caller) if caller.may(Role.SUBMIT) else Markup(),
        caller=caller,
        place="/judges",
        head=looks_again(_LOOKS_AGAIN_S) if is_live else Markup(),
    )


@router.post("/judges")
def measure(
    request: Request, caller: Annotated[Caller, needs(Role.SUBMIT)], form: FormBody
) -> RedirectResponse:
    """Have the judge of a job measured against what people said of its outputs."""
    body = ValidationRequest(job_id=form.one("job"), controls=form.one("controls") == "yes")
    answer = api.validate(request, body, HTMLResponse(), caller)
    return RedirectResponse(f"/judges/{answer.job_id}", status_code=303)


@router.get("/judges/{validation_id}")
def validation(
    request: Request,
    validation_id: str,
    caller: Annotated[Caller, needs(Role.READ)],
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
) -> str:
    """Show what a validation found: standing and why, confusion, ceiling, disagreements."""
    server: Server = request.app.state.server
    job = job_of(server, caller, validation_id)
    if job.kind is not JobKind.VALIDATION:
        raise not_found()
    found = _kept(server, job)
    title = f"Judge of {job.name}"
    if found is None:
        return framed(
            title,
            element("p", badge(job.state.value, KINDS.get(job.state, "plain"))),
            element("p", job.error, class_="alert", role="alert") if job.error else Markup(),
            element("p", "What it found is here when it is finished.", class_="lines"),
            caller=caller,
            place="/judges",
            head=Markup() if job.state.is_over else looks_again(_LOOKS_AGAIN_S),
        )
    options = msgspec.json.decode(job.options, type=dict[str, object])
    of = server.store.service.job(str(options.get("of", "")))
    return framed(
        title,
        _standing(found),
        *_agreement(found),
        *_ceiling(found),
        *_parts(found),
        *_disagreements(found, of, start),
        element("p", element("a", "As JSON", href=f"/v1/validations/{job.job_id}"), class_="lines"),
        caller=caller,
        place="/judges",
    )


def _kept(server: Server, job: Job) -> FoundValidation | None:
    kept = server.store.documents(f"{VALIDATION_KIND}{job.job_id}")
    return read_validation(kept[-1]) if kept else None


def _row(job: Job, found: FoundValidation | None) -> Markup:
    link = element("a", element("bdi", job.name or job.job_id), href=f"/judges/{job.job_id}")
    name = element("th", link, scope="row")
    when = element("td", moment(job.submitted))
    if found is None:
        state = badge(job.state.value, KINDS.get(job.state, "plain"))
        words = element("td", one_line(job.error) or "not yet", class_="quiet", colspan="3")
        return element("tr", name, element("td", state), words, when)
    certificate = found.certificate
    return element(
        "tr",
        name,
        element("td", badge(found.standing, _STANDINGS.get(found.standing, "doubt"))),
        element("td", f"{certificate.criterion} to the {certificate.target}"),
        element("td", f"{certificate.n_labels:,} by {certificate.n_raters}"),
        element("td", certificate.valid_until[:10]),
        when,
    )


def _measure_form(server: Server, caller: Caller) -> Markup:
    jobs = server.store.service.jobs(
        workspace=caller.workspace, kind=JobKind.SCORING, states=[JobState.FINISHED], limit=50
    )
    if not jobs:
        return Markup()
    options = [
        element("option", f"{job.name}, {job.submitted[:16].replace('T', ' ')}", value=job.job_id)
        for _, job in jobs
    ]
    return element(
        "section",
        element("h2", "Measure a judge"),
        element(
            "p",
            "Against the labels that its config names and those given here since.",
            class_="lines",
        ),
        element(
            "form",
            element("label", "The judge of", element("select", *options, name="job")),
            element(
                "fieldset",
                element("legend", "Also"),
                element(
                    "label",
                    element("input", type="checkbox", name="controls", value="yes"),
                    "try it with null answers and attacks",
                ),
            ),
            element("button", "Measure", type="submit", class_="main"),
            method="post",
            action="/judges",
            class_="fields",
        ),
        class_="card",
    )


def _standing(found: FoundValidation) -> Markup:
    certificate = found.certificate
    raters = "1 rater" if certificate.n_raters == 1 else f"{certificate.n_raters} raters"
    labels = f"{certificate.n_labels:,} labels ({certificate.source}) by {raters}"
    facts = [
        f"{labels} on {certificate.n_items:,} items; look {certificate.look}",
        f"certificate {certificate.id}, valid until {certificate.valid_until[:10]}",
        f"controls: {certificate.controls}",
        *found.notes,
    ]
    if found.overall.fates:
        facts.append(f"labelled but not judged: {listed(found.overall.fates)}")
    if found.set_aside:
        facts.append(f"ratings set aside: {listed(found.set_aside)}")
    identity = [
        element("tr", element("th", name, scope="row"), element("td", value))
        for name, value in certificate.judge.items()
    ]
    return element(
        "section",
        element("h2", "Standing"),
        element(
            "p",
            badge(found.standing, _STANDINGS.get(found.standing, "doubt")),
            " Why:" if found.reasons else " It reaches all that is asked of it.",
            class_="lines",
        ),
        element("ul", *(element("li", reason) for reason in found.reasons), class_="lines")
        if found.reasons
        else Markup(),
        element("h3", "What it rests on"),
        element("ul", *(element("li", fact) for fact in facts), class_="lines"),
        element(
            "details",
            element("summary", "What was certified, by name and value"),
            table("Identity of the judge", ("", "value"), identity),
        ),
        class_="card",
    )


def _agreement(found: FoundValidation) -> list[Markup]:
    series = ["this judge"]
    sides = [found.overall.figures]
    if found.baseline is not None:
        series.append("baseline judge")
        sides.append(found.baseline.figures)
    names = list(found.overall.figures)
    figures = [[side.get(name, Undefined(reason="-")) for side in sides] for name in names]
    drawn = [[one if isinstance(one, Estimate) else None for one in row] for row in figures]
    agreement = Table(
        columns=["figure", *series],
        rows=[[name, *map(figure, row)] for name, row in zip(names, figures, strict=True)],
        intervals=Intervals(series=series, rows=drawn),
    )
    confusion = Table(
        columns=["people said", *(f"judge said {name}" for name in found.categories)],
        rows=[
            [name, *map(str, counts)]
            for name, counts in zip(found.categories, found.overall.confusion, strict=True)
        ],
        counts=True,
    )
    return [
        element(
            "section",
            element("h2", "Confusion"),
            table_markup(confusion, "Confusion"),
            class_="part",
        ),
        element(
            "section",
            element("h2", "Agreement with people"),
            table_markup(agreement, "Agreement with people"),
            class_="part",
        ),
    ]


def _ceiling(found: FoundValidation) -> list[Markup]:
    raters = found.raters
    if raters is None:
        words = (
            "Nobody knows how well people agree with each other: no output has two raters. A "
            "judge cannot be asked for more than that."
        )
        return [element("section", element("h2", "Human ceiling"), element("p", words))]
    ceiling = raters.ceiling
    rows = [("all", (ceiling.human, ceiling.judge, ceiling.delta))]
    rows += [(row.rater, (row.human, row.judge, row.delta)) for row in ceiling.raters]
    shown = Table(
        columns=[f"{ceiling.score} with the others", "the person", "the judge", "judge - person"],
        rows=[[name, *(figure(one.estimate) for one in cells)] for name, cells in rows],
    )
    words = (
        f"{len(raters.raters)} raters, {raters.n_shared:,} records with two or more of their "
        f"labels; people with each other: Gwet's AC {figure(raters.ac.estimate)}, alpha "
        f"{figure(raters.alpha.estimate)}"
    )
    return [
        element(
            "section",
            element("h2", "Human ceiling"),
            element("p", words, class_="lines"),
            table_markup(shown, "Human ceiling"),
        )
    ]


def _parts(found: FoundValidation) -> list[Markup]:
    known = [name for name in _FIGURES_OF_A_PART if name in found.overall.figures]
    if not found.parts:
        return []
    shown = Table(
        columns=["part", "labels", *known, "standing"],
        rows=[
            [
                name,
                str(part.n_labels),
                *(_short(part.figures.get(key)) for key in known),
                _words_of(found.standings.get(name, "")),
            ]
            for name, part in found.parts.items()
        ],
    )
    title = "Per system and slice"
    return [element("section", element("h2", title), table_markup(shown, title))]


def _short(found: Estimate | Undefined | None) -> str:
    return interval(found) if isinstance(found, Estimate) else "undefined"


def _words_of(standing: str) -> str:
    return "pooled evidence only" if standing == "insufficient" else standing


def _disagreements(found: FoundValidation, of: Job | None, start: int) -> list[Markup]:
    everything = found.disagreements
    shown = everything[start : start + _DISAGREEMENTS]
    rows = [_disagreement(one, of) for one in shown]
    columns = ("item", "system", "people", "judge", "gap", "the judge's reason")
    ways = []
    if start:
        ways.append(_way("Back", max(0, start - _DISAGREEMENTS), "prev"))
    if start + len(shown) < len(everything):
        ways.append(_way("Next", start + len(shown), "next"))
    return [
        element(
            "section",
            element("h2", f"Disagreements ({len(everything):,})"),
            element(
                "p",
                "The widest gap first: judge less people, on a scale from 0 to 1.",
                class_="lines",
            ),
            table("Disagreements, the widest first", columns, rows, kind="as-told")
            if rows
            else element("p", "none", class_="quiet"),
            element("p", *ways, class_="acts") if ways else Markup(),
        )
    ]


def _way(words: str, start: int, rel: str) -> Markup:
    return element("a", words, href=f"?from={start}#content", rel=rel, class_="button")


def _disagreement(one: DisagreementRow, of: Job | None) -> Markup:
    name = element("bdi", one_line(one.id, most=60))
    if of is not None and of.run_id:
        query = urlencode({"system": one.system, "find": one.id[:200]})
        name = element("a", name, href=f"/runs/{of.run_id}/examples?{query}")
    return element(
        "tr",
        element("th", name, scope="row"),
        element("td", element("bdi", one.system)),
        element("td", one.human),
        element("td", one.judge),
        element("td", f"{one.gap:+.2f}"),
        element("td", element("div", one.rationale, class_="reason", dir="auto")),
    )
