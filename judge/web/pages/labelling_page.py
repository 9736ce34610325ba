"""Labelling in the service: rounds are opened for the outputs of a job, and people label them."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from judge.api.label_rounds import (
    LabelRound,
    RoundTerms,
    Said,
    begin_round,
    progress_of,
    round_of,
    said_in,
)
from judge.api.labelling import question_of
from judge.errors import RunUnfinished
from judge.render.markup import Markup, element
from judge.render.text import flat
from judge.results.job import Job, JobKind, JobState
from judge.web.access import Caller, Role, needs
from judge.web.forms import Form, FormBody
from judge.web.jobs import job_of
from judge.web.labelling import Filled, labelling_page
from judge.web.pages.frame import framed, table
from judge.web.problems import not_found
from judge.web.server import Server
from judge.wiring.serving import open_rated

router = APIRouter(include_in_schema=False)

_MOST_SHOWN = 200
_MOST_LABELS = 100_000
_MOST_RATERS = 20
_MOST_MINUTES = 24 * 60


@router.get("/labelling", response_class=HTMLResponse)
def rounds(request: Request, caller: Annotated[Caller, needs(Role.LABEL)]) -> str:
    """Show what people are asked about in a workspace."""
    server: Server = request.app.state.server
    found = server.store.service.jobs(
        workspace=caller.workspace,
        kind=JobKind.SCORING,
        states=[JobState.FINISHED, JobState.INCOMPLETE],
        limit=_MOST_SHOWN,
    )
    rows = [
        _row(server, job, asked, caller)
        for _, job in found
        if (asked := round_of(server.store, job.job_id)) is not None
    ]
    nothing = "Nothing is to be labelled. Whoever may submit asks for labels on the page of a job."
    return framed(
        "Labelling",
        element(
            "p",
            "You see an output beside what it is held against, and neither who wrote it nor what "
            "a judge said. A row is yours for a while, then it goes to somebody else.",
            class_="lines",
        ),
        table("To be labelled", ("job", "question", "labels", "yours", ""), rows)
        if rows
        else element("p", nothing, class_="quiet"),
        caller=caller,
        place="/labelling",
    )


@router.post("/jobs/{job_id}/labelling")
def begin(
    request: Request, job_id: str, caller: Annotated[Caller, needs(Role.SUBMIT)], form: FormBody
) -> RedirectResponse:
    """Draw outputs of a job for people to label, or more of them."""
    server: Server = request.app.state.server
    job = _scoring_job(server, caller, job_id)
    run = server.store.examples.manifest(job.run_id)
    if run is None:
        raise RunUnfinished("outputs are drawn by their verdicts; wait until the job has finished")
    terms = _terms(form)
    project = open_rated(server.rules, job, ())
    found = begin_round(project, server.store, run, job_id=job.job_id, terms=terms)
    _note(server, caller, "label.ask", job, rows=len(found.rows), seed=terms.seed)
    return RedirectResponse(f"/jobs/{job.job_id}", status_code=303)


@router.get("/jobs/{job_id}/label", response_class=HTMLResponse)
def page(request: Request, job_id: str, caller: Annotated[Caller, needs(Role.LABEL)]) -> str:
    """Show the page on which rows are labelled."""
    server: Server = request.app.state.server
    job, found = _round(server, caller, job_id)
    first = server.labelling.first_open(found, caller.name)
    if first is None:
        return framed(
            "Nothing is left for you",
            element(
                "p",
                "Every row has its labels or is with somebody else. What others leave comes back "
                f"after {found.terms.lease_s / 60:g} minutes.",
                class_="lines",
            ),
            element("p", element("a", "All labelling", href="/labelling"), class_="lines"),
            caller=caller,
            place="/labelling",
        )
    question, against = _words(found)
    return labelling_page(
        question=question,
        against=against,
        categories=found.categories,
        tasks=f"/jobs/{job.job_id}/label/tasks",
        first=str(first.number),
        way_back=element("a", "All labelling", href="/labelling"),
    )


@router.get("/jobs/{job_id}/label/tasks/new")
def new_task(
    request: Request, job_id: str, caller: Annotated[Caller, needs(Role.LABEL)]
) -> dict[str, object]:
    """Give the rater another row."""
    server: Server = request.app.state.server
    _, found = _round(server, caller, job_id)
    return asdict(server.labelling.next_new(found, caller.name))


@router.get("/jobs/{job_id}/label/tasks/{number}")
def task(
    request: Request, job_id: str, number: int, caller: Annotated[Caller, needs(Role.LABEL)]
) -> dict[str, object]:
    """Return a row that the rater was given."""
    server: Server = request.app.state.server
    _, found = _round(server, caller, job_id)
    try:
        return asdict(server.labelling.row(found, caller.name, number))
    except IndexError:
        raise not_found() from None


@router.put("/jobs/{job_id}/label/tasks/{number}")
def fill_in(
    request: Request,
    job_id: str,
    number: int,
    body: Filled,
    caller: Annotated[Caller, needs(Role.LABEL)],
) -> dict[str, object]:
    """Keep what a rater says of a row; it is on the disk when this answers."""
    server: Server = request.app.state.server
    job, found = _round(server, caller, job_id)
    said = Said(
        task="",
        rater=caller.name,
        label=body.label,
        comment=body.comment,
        skipped=body.skipped,
        seconds=body.counted_s,
    )
    try:
        row = server.labelling.fill_in(found, number, said, replace=body.replace)
    except IndexError:
        raise not_found() from None
    what = "label.give" if body.label else "label.skip" if body.skipped else "label.take_back"
    _note(server, caller, what, job, row=number)
    return asdict(row)


def labelling_of(server: Server, job: Job, caller: Caller) -> Markup:
    """Return what the page of a job says of its labelling, and the form that asks for it."""
    if not (job.run_id and job.state.is_over):
        return Markup()
    asked = round_of(server.store, job.job_id)
    parts = [_progress(server, asked, caller)] if asked is not None else []
    if caller.may(Role.SUBMIT):
        parts.append(_form(job, asked))
    if not parts:
        return Markup()
    return element("section", element("h2", "Labels by people"), *parts, class_="card")


def _progress(server: Server, asked: LabelRound, caller: Caller) -> Markup:
    said = said_in(server.store, asked.job_id)
    done, wanted = progress_of(asked, said)
    raters = len({one.rater for one in said if one.label})
    people = "1 person" if raters == 1 else f"{raters} people"
    skips = sum(one.skipped for one in said)
    words = (
        f"{done:,} of {wanted:,} labels on {len(asked.rows):,} outputs, by {people}; "
        f"{skips:,} skipped."
    )
    if skips:
        words += " Rows that are skipped because they are hard leave no random part."
    link = element("a", "Label", href=f"/jobs/{asked.job_id}/label", class_="button")
    measured = element("a", "Measure the judge", href="/judges", class_="button")
    ways = [link] if caller.may(Role.LABEL) else []
    if done and caller.may(Role.SUBMIT):
        ways.append(measured)
    return element(
        "div",
        element("p", words, class_="lines"),
        element("p", *ways, class_="acts") if ways else Markup(),
    )


def _form(job: Job, asked: LabelRound | None) -> Markup:
    terms = asked.terms if asked is not None else RoundTerms()
    words = (
        "Draw outputs for people to label: blind, in random order, each with the chance by which "
        "it was drawn, so that the judge can be measured on them. People label with a key of the "
        "role label, at Labelling; the name of the key is the rater's."
        if asked is None
        else "Draw more: labels that were given stay."
    )
    labels = str(len(asked.rows)) if asked is not None else ""
    fields = (
        ("labels", "Outputs (empty: what it takes)", labels),
        ("overlap", "Of these labelled by several, %", f"{terms.overlap * 100:.0f}"),
        ("raters", "By how many people", str(terms.raters)),
        ("minutes", "Minutes a row stays with one", f"{terms.lease_s / 60:.0f}"),
        ("seed", "Seed of the draw", str(terms.seed)),
    )
    return element(
        "details",
        element("summary", "Ask for labels" if asked is None else "Ask for more labels"),
        element("p", words, class_="lines"),
        element(
            "form",
            *(
                element(
                    "label",
                    title,
                    element("input", name=name, value=value, inputmode="numeric"),
                )
                for name, title, value in fields
            ),
            element("button", "Draw", type="submit", class_="main"),
            method="post",
            action=f"/jobs/{job.job_id}/labelling",
            class_="fields",
        ),
    )


def _terms(form: Form) -> RoundTerms:
    labels = form.number("labels", default=0, least=1, most=_MOST_LABELS)
    minutes = form.number("minutes", default=15, least=1, most=_MOST_MINUTES)
    return RoundTerms(
        labels=labels or None,
        overlap=form.number("overlap", default=20, least=0, most=100) / 100,
        raters=form.number("raters", default=2, least=2, most=_MOST_RATERS),
        lease_s=minutes * 60.0,
        seed=form.number("seed", default=0, least=0, most=2**31),
    )


def _row(server: Server, job: Job, asked: LabelRound, caller: Caller) -> Markup:
    said = said_in(server.store, job.job_id)
    done, wanted = progress_of(asked, said)
    mine = sum(one.rater == caller.name and one.is_answer for one in said)
    question, _ = _words(asked)
    name = flat(job.name) or job.job_id
    link = element(
        "a",
        "Label",
        href=f"/jobs/{job.job_id}/label",
        class_="button",
        aria_label=f"Label {name}",
    )
    return element(
        "tr",
        element("th", element("bdi", name), scope="row"),
        element("td", element("bdi", flat(question))),
        element("td", f"{done:,} of {wanted:,}", class_="done"),
        element("td", f"{mine:,}"),
        element("td", link),
    )


def _words(found: LabelRound) -> tuple[str, str]:
    planned = found.rows[0].planned
    return question_of(planned.criterion, planned.target, found.categories)


def _round(server: Server, caller: Caller, job_id: str) -> tuple[Job, LabelRound]:
    job = _scoring_job(server, caller, job_id)
    found = server.labelling.round_of(job.job_id)
    if found is None:
        raise not_found()
    return job, found


def _scoring_job(server: Server, caller: Caller, job_id: str) -> Job:
    job = job_of(server, caller, job_id)
    if job.kind is not JobKind.SCORING:
        raise not_found()
    return job


def _note(server: Server, caller: Caller, what: str, job: Job, **details: int) -> None:
    server.store.service.note(
        who=caller.key_id,
        workspace=caller.workspace,
        what=what,
        about=job.job_id,
        details=details,
    )
