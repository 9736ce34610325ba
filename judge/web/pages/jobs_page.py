"""The jobs of a workspace and how far they are; and one of them, with what can be done to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from judge.render.markup import Markup, element, together
from judge.render.text import flat
from judge.results.job import Job, JobKind, JobState
from judge.web import jobs as api
from judge.web.access import Caller, Role, needs
from judge.web.demo import submit_demo
from judge.web.jobs import job_of
from judge.web.pages.frame import badge, framed, looks_again, moment, post, table
from judge.web.pages.labelling_page import labelling_of
from judge.web.problems import not_found
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_MOST_SHOWN = 100
_LOOK_S = 0.5
_LOOKS_AGAIN_S = 5
KINDS = {
    JobState.FINISHED: "good",
    JobState.INCOMPLETE: "doubt",
    JobState.PAUSED: "doubt",
    JobState.FAILED: "bad",
}
_FORMS = {"json": "JSON", "csv": "CSV", "jsonl": "examples as JSON lines", "md": "Markdown"}
_ACTS = {
    "pause": (JobState.QUEUED, JobState.RUNNING),
    "resume": (JobState.PAUSED, JobState.INCOMPLETE, JobState.FAILED),
    "cancel": (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED, JobState.INCOMPLETE),
}


@router.get("/")
def overview(
    request: Request, caller: Annotated[Caller, needs(Role.READ)], before: int | None = None
) -> str:
    """Show the jobs of a workspace, newest first."""
    server: Server = request.app.state.server
    found = server.store.service.jobs(
        workspace=caller.workspace, kind=JobKind.SCORING, before=before, limit=_MOST_SHOWN + 1
    )
    if not found and before is None:
        return framed("Jobs", *_first_visit(request, caller), caller=caller, place="/")
    shown = found[:_MOST_SHOWN]
    rows = [_row(server, job) for _, job in shown]
    older = Markup()
    if len(found) > len(shown):
        older = element("p", element("a", "Older ones", href=f"/?before={shown[-1][0]}"))
    is_live = any(not job.state.is_over for _, job in shown)
    return framed(
        "Jobs",
        element("p", "", id="lost", class_="alert", role="status", hidden=True),
        table("Jobs, newest first", ("job", "state", "scored", "submitted", "look at"), rows),
        older,
        _how_to_submit(request),
        caller=caller,
        place="/",
        scripts=("jobs.js",),
        head=looks_again(_LOOKS_AGAIN_S, without_script_only=True) if is_live else Markup(),
    )


@router.get("/jobs/events")
async def events(
    request: Request, caller: Annotated[Caller, needs(Role.READ)]
) -> StreamingResponse:
    """Follow all jobs of a workspace in one stream, for as long as the page is open."""
    # A browser keeps six connections to a server: a stream for each job would use them up.
    server: Server = request.app.state.server

    def look() -> list[dict[str, object]]:
        found = server.store.service.jobs(
            workspace=caller.workspace, kind=JobKind.SCORING, limit=_MOST_SHOWN
        )
        return [_as_told(server, job) for _, job in found]

    async def stream() -> AsyncIterator[bytes]:
        told: dict[object, dict[str, object]] = {}
        while server.dispatcher.is_alive:
            for job in await asyncio.to_thread(look):
                if told.get(job["id"]) != job:
                    told[job["id"]] = job
                    yield f"event: job\ndata: {json.dumps(job)}\n\n".encode()
            await asyncio.sleep(_LOOK_S)

    return StreamingResponse(stream(), media_type="text/event-stream")


@router.post("/demo")
def demo(request: Request, caller: Annotated[Caller, needs(Role.SUBMIT)]) -> RedirectResponse:
    """Submit the example that ships with this package."""
    job = submit_demo(request.app.state.server, caller)
    return RedirectResponse(f"/jobs/{job.job_id}", status_code=303)


@router.get("/jobs/{job_id}")
def job_page(request: Request, job_id: str, caller: Annotated[Caller, needs(Role.READ)]) -> str:
    """Show one job, and where the report of its run and its examples are."""
    server: Server = request.app.state.server
    job = job_of(server, caller, job_id)
    state = _row(server, job)
    if job.state.is_over and (manifest := server.store.examples.manifest(job.run_id)) is not None:
        server.indexer.begin(manifest)  # whoever looks here looks at examples next
    return framed(
        job.name or job.job_id,
        table("How it stands", ("job", "state", "scored", "submitted", "look at"), [state]),
        element("p", job.error, class_="alert", role="alert") if job.error else Markup(),
        element("p", "", id="lost", class_="alert", role="status", hidden=True),
        _report(job),
        _acts(job, caller),
        labelling_of(server, job, caller),
        element("p", element("a", "All jobs", href="/"), class_="lines"),
        caller=caller,
        scripts=() if job.state.is_over else ("jobs.js",),
        head=Markup()
        if job.state.is_over
        else looks_again(_LOOKS_AGAIN_S, without_script_only=True),
    )


@router.post("/jobs/{job_id}/{act}")
def act(
    request: Request, job_id: str, act: str, caller: Annotated[Caller, needs(Role.SUBMIT)]
) -> RedirectResponse:
    """Pause a job, let it go on, or cancel it."""
    if act == "pause":
        api.pause(request, job_id, caller)
    elif act == "cancel":
        api.cancel(request, job_id, caller)
    elif act == "resume":
        api.resume(request, job_id, caller)
    else:
        raise not_found()
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)


def _first_visit(request: Request, caller: Caller) -> tuple[Markup, ...]:
    offer = (
        post("/demo", "Run the example", kind="main")
        if caller.may(Role.SUBMIT)
        else element("p", "This key may read and not submit: ask for one that may.", class_="quiet")
    )
    return (
        element(
            "p",
            "Nothing was submitted here yet. A job scores what your student models wrote and says "
            "what they keep of their teacher, and no judged number is shown before the judge was "
            "measured against people.",
            class_="lines",
        ),
        element(
            "section",
            element("h2", "See one first"),
            element(
                "p",
                "A teacher and two students on 64 short tasks, scored in three ways within a "
                "minute: no key, no network. Then look at its report and its examples.",
                class_="lines",
            ),
            offer,
            class_="card",
        ),
        _how_to_submit(request),
    )


def _how_to_submit(request: Request) -> Markup:
    address = f"{request.url.scheme}://{request.url.netloc}"
    return element(
        "section",
        element("h2", "Your own data"),
        element(
            "ol",
            element("li", "Make a key, in a shell: ", _code("judge keys create")),
            element("li", "Write a config from your columns: ", _code("judge init --help")),
            element(
                "li",
                "Submit it: ",
                _code(f"JUDGE_KEY=jk_... judge submit judge.yaml --server {address}"),
            ),
            class_="lines",
        ),
        class_="card",
    )


def _code(words: str) -> Markup:
    return element("code", words)


def _row(server: Server, job: Job) -> Markup:
    done = server.store.service.n_outcomes(job.run_id) if job.run_id else 0
    total = str(job.total or "?")
    bar = element(
        "progress", max=str(job.total or 1), value=str(done), aria_label=f"scored of {job.name}"
    )
    return element(
        "tr",
        element(
            "th",
            element("a", element("bdi", flat(job.name) or job.job_id), href=f"/jobs/{job.job_id}"),
            scope="row",
        ),
        element("td", _state(job), class_="state"),
        element("td", bar, " ", element("span", f"{done} of {total}", class_="done")),
        element("td", moment(job.submitted)),
        element("td", *_places(job), class_="places"),
        data_job=job.job_id,
        data_over="yes" if job.state.is_over else "no",
    )


def _state(job: Job) -> Markup:
    return badge(job.state.value, KINDS.get(job.state, "plain"))


def _places(job: Job) -> list[Markup]:
    if not (job.run_id and job.state.is_over):
        return []
    return [
        element("a", "report", href=f"/v1/runs/{job.run_id}/report?format=html"),
        Markup(" · "),
        element("a", "examples", href=f"/runs/{job.run_id}/examples"),
    ]


def _as_told(server: Server, job: Job) -> dict[str, object]:
    return {
        "id": job.job_id,
        "state": job.state.value,
        "kind": KINDS.get(job.state, "plain"),
        "over": job.state.is_over,
        "done": server.store.service.n_outcomes(job.run_id) if job.run_id else 0,
        "total": job.total,
        "run": job.run_id,
    }


def _report(job: Job) -> Markup:
    if not (job.run_id and job.state.is_over):
        return element("p", "The report is here when it is over.", class_="quiet", id="waiting")
    report = f"/v1/runs/{job.run_id}/report?format="
    files = [element("a", words, href=f"{report}{form}") for form, words in _FORMS.items()]
    parted = [part for file in files for part in (" · ", file)][1:]
    return together(
        element(
            "p",
            element("a", "Read the report", href=f"{report}html", class_="button"),
            element("a", "Look at examples", href=f"/runs/{job.run_id}/examples", class_="button"),
            class_="acts",
        ),
        element("p", "As a file: ", *parted, class_="lines"),
    )


def _acts(job: Job, caller: Caller) -> Markup:
    if not caller.may(Role.SUBMIT):
        return Markup()
    forms = [
        post(f"/jobs/{job.job_id}/{name}", name)
        for name, states in _ACTS.items()
        if job.state in states
    ]
    return element("div", *forms, class_="acts")
