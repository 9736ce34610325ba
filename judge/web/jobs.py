"""Jobs over HTTP: submit, look, follow, page through results, pause, resume, cancel."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from judge.results.job import Job, JobKind, JobState, Wish
from judge.web.access import Caller, Role, needs
from judge.web.problems import Problem, not_found
from judge.web.server import Server
from judge.web.submitting import ConfigSent, Submission, submit_once

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_OPTIONS = {"limit", "sample", "seed", "filters", "max_cost"}
_LOOK_S = 0.25
_MOST_PAGE = 1000
LARGEST = 2**53
"""Larger numbers are not the same in every reader of JSON, nor in every database."""

_EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"


class JobRequest(ConfigSent):
    """A job: a config with its files, or the path of a config on the server."""

    priority: int = Field(default=0, ge=-10, le=10, description="higher ones go first")
    limit: int | None = Field(default=None, ge=1, description="at most so many items")
    sample: int | None = Field(default=None, ge=1, description="so many, drawn at random")
    seed: int | None = Field(default=None, ge=0, description="of that draw")
    filters: dict[str, str] = Field(default_factory=dict, description="slice: value")
    max_cost: float | None = Field(default=None, ge=0, description="US dollars it may spend")


class ResumeRequest(BaseModel):
    """How a job goes on."""

    model_config = ConfigDict(extra="forbid")

    retry_failed: bool = Field(default=False, description="also where the judge itself failed")


class JobAnswer(BaseModel):
    """A job as it stands."""

    job_id: str
    name: str
    state: JobState
    priority: int
    submitted: str
    changed: str
    run_id: str = Field(description="of its results and its report; empty until it first ran")
    done: int = Field(description="outcomes there are")
    total: int = Field(description="outcomes there will be; 0 until that is known")
    error: str


class JobsAnswer(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobAnswer]
    next: int | None = Field(description="give it as `before` for the page that follows")


_SHOWN = tuple(name for name in JobAnswer.model_fields if name != "done")


@router.post("", status_code=201, responses={200: {"model": JobAnswer}})
def submit(
    request: Request,
    body: JobRequest,
    response: Response,
    caller: Annotated[Caller, needs(Role.SUBMIT)],
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> JobAnswer:
    """Submit a job. Under the same `Idempotency-Key` it is one job, however often it is sent."""
    server: Server = request.app.state.server
    submission = Submission(
        sent=body,
        options=body.model_dump(include=_OPTIONS),
        priority=body.priority,
        idempotency_key=idempotency_key,
    )
    kept, is_new = submit_once(server, caller, submission)
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/jobs/{kept.job_id}"
    return answer_of(server, kept)


@router.get("")
def jobs(
    request: Request,
    caller: Annotated[Caller, needs(Role.READ)],
    state: Annotated[list[JobState] | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_PAGE)] = 50,
) -> JobsAnswer:
    """Return jobs, newest first."""
    server: Server = request.app.state.server
    found = server.store.service.jobs(
        workspace=caller.workspace,
        kind=JobKind.SCORING,
        states=state or (),
        before=before,
        limit=limit,
    )
    return JobsAnswer(
        jobs=[answer_of(server, job) for _, job in found],
        next=found[-1][0] if len(found) == limit else None,
    )


@router.get("/{job_id}")
def job(request: Request, job_id: str, caller: Annotated[Caller, needs(Role.READ)]) -> JobAnswer:
    """Return how a job stands."""
    server: Server = request.app.state.server
    return answer_of(server, job_of(server, caller, job_id))


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={200: {"content": {_EVENT_STREAM: {}}}},
)
async def events(
    request: Request,
    job_id: str,
    caller: Annotated[Caller, needs(Role.READ)],
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Follow a job: an event whenever it has changed, until it is over."""
    server: Server = request.app.state.server
    first = await asyncio.to_thread(job_of, server, caller, job_id)

    async def stream() -> AsyncIterator[bytes]:
        found: Job | None = first
        seen = last_event_id
        while found is not None:
            answer = await asyncio.to_thread(answer_of, server, found)
            # An event is how the job stands: its name says which state of affairs that is.
            name = f"{found.revision}.{answer.done}"
            if name != seen:
                seen = name
                yield f"id: {name}\nevent: job\ndata: {answer.model_dump_json()}\n\n".encode()
            if found.state.is_over:
                return
            await asyncio.sleep(_LOOK_S)
            found = await asyncio.to_thread(server.store.service.job, job_id)

    return StreamingResponse(stream(), media_type=_EVENT_STREAM)


@router.get(
    "/{job_id}/results",
    response_class=Response,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
def results(
    request: Request,
    job_id: str,
    caller: Annotated[Caller, needs(Role.READ)],
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_PAGE)] = _MOST_PAGE,
) -> Response:
    """Return outcomes as lines of JSON, in the order they were kept.

    `X-Next` is what to give as `after` for the page that follows; it is absent after the last.
    """
    server: Server = request.app.state.server
    run_id = job_of(server, caller, job_id).run_id
    page = server.store.service.results_page(run_id, after=after, limit=limit) if run_id else []
    body = b"".join(msgspec.json.encode(row) + b"\n" for _, row in page)
    headers = {"X-Next": str(page[-1][0])} if len(page) == limit else {}
    return Response(body, media_type=NDJSON, headers=headers)


@router.post("/{job_id}/pause")
def pause(
    request: Request, job_id: str, caller: Annotated[Caller, needs(Role.SUBMIT)]
) -> JobAnswer:
    """Pause a job: what is in flight is finished and kept, nothing new is sent."""
    return _wish(request.app.state.server, job_id, caller, Wish.PAUSE)


@router.post("/{job_id}/cancel")
def cancel(
    request: Request, job_id: str, caller: Annotated[Caller, needs(Role.SUBMIT)]
) -> JobAnswer:
    """Cancel a job for good; what it has scored stays."""
    return _wish(request.app.state.server, job_id, caller, Wish.CANCEL)


@router.post("/{job_id}/resume")
def resume(
    request: Request,
    job_id: str,
    caller: Annotated[Caller, needs(Role.SUBMIT)],
    body: ResumeRequest | None = None,
) -> JobAnswer:
    """Let a job go on that was paused, failed, or ended with records left."""
    server: Server = request.app.state.server
    found = job_of(server, caller, job_id)
    retry_failed = bool(body and body.retry_failed)
    return _again(server, caller, found, "job.resume", retry_failed=retry_failed)


@router.post("/{job_id}/retry")
def retry(
    request: Request, job_id: str, caller: Annotated[Caller, needs(Role.SUBMIT)]
) -> JobAnswer:
    """Score again what failed: where the endpoint did not answer, and where the judge failed."""
    server: Server = request.app.state.server
    found = job_of(server, caller, job_id)
    found.moved(JobState.QUEUED)  # refused, if at all, for the state it is in
    if not server.store.service.retriable(found.run_id):
        raise Problem(409, "nothing_to_retry", "no record of this job failed")
    return _again(server, caller, found, "job.retry", retry_failed=True)


@router.delete("/{job_id}", status_code=204, response_class=Response)
def remove(request: Request, job_id: str, caller: Annotated[Caller, needs(Role.ADMIN)]) -> Response:
    """Forget a job that is over, and what was submitted with it; its run and results stay."""
    server: Server = request.app.state.server
    found = job_of(server, caller, job_id)
    if not found.state.is_over:
        raise Problem(409, "illegal_transition", "the job is not over; cancel it first")
    server.store.service.remove(found)
    shutil.rmtree(server.rules.folder / found.job_id, ignore_errors=True)
    _note(server, caller, "job.remove", found)
    return Response(status_code=204)


def job_of(server: Server, caller: Caller, job_id: str) -> Job:
    """Return a job of a caller's workspace.

    Raises:
        Problem: there is none: of others, nothing is known here.
    """
    found = server.store.service.job(job_id)
    if found is None or found.workspace != caller.workspace:
        raise not_found()
    return found


def answer_of(server: Server, found: Job) -> JobAnswer:
    """Return a job as it is told of."""
    done = server.store.service.n_outcomes(found.run_id) if found.run_id else 0
    values = asdict(found)
    return JobAnswer(done=done, **{name: values[name] for name in _SHOWN})


def _again(
    server: Server, caller: Caller, found: Job, what: str, *, retry_failed: bool
) -> JobAnswer:
    options = {**json.loads(found.options), "retry_failed": retry_failed}
    queued = replace(found.moved(JobState.QUEUED), options=_compact(options))
    changed = server.store.service.change(found, queued)
    _note(server, caller, what, changed)
    server.dispatcher.poke()
    return answer_of(server, changed)


def _wish(server: Server, job_id: str, caller: Caller, wish: Wish) -> JobAnswer:
    found = job_of(server, caller, job_id)
    moved = found.moved(JobState.PAUSED if wish is Wish.PAUSE else JobState.CANCELLED)
    if found.state is JobState.RUNNING:  # whoever runs it heeds it
        moved = replace(found, wish=wish)
    changed = server.store.service.change(found, moved)
    _note(server, caller, f"job.{wish}", changed)
    server.dispatcher.poke()
    return answer_of(server, changed)


def _compact(options: Mapping[str, object]) -> str:
    return json.dumps(options, separators=(",", ":"))


def _note(server: Server, caller: Caller, what: str, found: Job) -> None:
    server.store.service.note(
        who=caller.key_id,
        workspace=caller.workspace,
        what=what,
        about=found.job_id,
        details={"name": found.name, "state": found.state.value, "wish": found.wish.value},
    )
