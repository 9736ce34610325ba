"""Validations over HTTP: measure a judge against ratings by people, and read what was found."""

import json
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue

from judge.api.dispatching import VALIDATION_KIND
from judge.api.project import Project, ratings_of
from judge.results.job import Job, JobKind
from judge.trust.controls import DEFAULT_CONTROLS
from judge.web.access import Caller, Role, needs
from judge.web.jobs import LARGEST, JobAnswer, answer_of, job_of
from judge.web.problems import not_found
from judge.web.server import Server
from judge.web.submitting import ConfigOrJobSent, Submission, submit_once

router = APIRouter(prefix="/v1/validations", tags=["validations"])


class ValidationRequest(ConfigOrJobSent):
    """A config with ratings; or a job, whose outputs were rated in its config or since."""

    controls: bool = Field(
        default=False,
        description="also try the judge with null answers and attacks, blind among the outputs",
    )
    max_cost: float | None = Field(default=None, ge=0, description="US dollars it may spend")


class ValidationAnswer(JobAnswer):
    """A validation as it stands."""

    of: str = Field(description="the job whose judge it is; empty where a config was sent")
    standing: str | None = Field(description="of the judge; null until it is finished")
    result: dict[str, JsonValue] | None = Field(
        default=None,
        description="as `judge validate -o validation.json` writes it: agreement, parts, "
        "disagreements, baseline, certificate; null until it is finished",
    )


class ValidationsAnswer(BaseModel):
    """A page of validations, newest first, without their results."""

    validations: list[ValidationAnswer]
    next: int | None = Field(description="give it as `before` for the page that follows")


@router.post("", status_code=201, responses={200: {"model": ValidationAnswer}})
def validate(
    request: Request,
    body: ValidationRequest,
    response: Response,
    caller: Annotated[Caller, needs(Role.SUBMIT)],
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> ValidationAnswer:
    """Measure a judge against what people said, and write its certificate, whatever is found.

    It is done like a job: look at it here, and pause, resume or cancel it under `/v1/jobs`.
    Verdicts that are stored for the same texts and the same judge are used as they are.
    """
    server: Server = request.app.state.server
    options: dict[str, object] = {
        "controls": DEFAULT_CONTROLS if body.controls else 0,
        "max_cost": body.max_cost,
    }
    path = None
    if body.job_id is not None:
        of = job_of(server, caller, body.job_id)
        path = of.config_path
        options = {**_selection(of), **options, "of": of.job_id}
    kept, is_new = submit_once(
        server,
        caller,
        Submission(
            kind=JobKind.VALIDATION,
            sent=body,
            options=options,
            idempotency_key=idempotency_key,
            config_path=path,
            check=_refuse_unrated,
        ),
    )
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/validations/{kept.job_id}"
    return _answer(server, kept)


@router.get("")
def validations(
    request: Request,
    caller: Annotated[Caller, needs(Role.READ)],
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ValidationsAnswer:
    """Return validations, newest first."""
    server: Server = request.app.state.server
    found = server.store.service.jobs(
        workspace=caller.workspace, kind=JobKind.VALIDATION, before=before, limit=limit
    )
    return ValidationsAnswer(
        validations=[_answer(server, job) for _, job in found],
        next=found[-1][0] if len(found) == limit else None,
    )


@router.get("/{validation_id}")
def validation(
    request: Request, validation_id: str, caller: Annotated[Caller, needs(Role.READ)]
) -> ValidationAnswer:
    """Return how a validation stands and, when it is finished, what it found."""
    server: Server = request.app.state.server
    found = job_of(server, caller, validation_id)
    if found.kind is not JobKind.VALIDATION:
        raise not_found()
    answer = _answer(server, found)
    answer.result = _result(server, found)
    return answer


def _selection(of: Job) -> dict[str, object]:
    """Return which items a job has: the judge is measured on those."""
    options = msgspec.json.decode(of.options, type=dict[str, object])
    return {name: options.get(name) for name in ("limit", "sample", "seed", "filters")}


def _refuse_unrated(project: Project) -> None:
    ratings_of(project)


def _answer(server: Server, found: Job) -> ValidationAnswer:
    options = msgspec.json.decode(found.options, type=dict[str, object])
    result = _result(server, found)
    return ValidationAnswer(
        **answer_of(server, found).model_dump(),
        of=str(options.get("of", "")),
        standing=None if result is None else str(result["standing"]),
    )


def _result(server: Server, found: Job) -> dict[str, JsonValue] | None:
    kept = server.store.documents(f"{VALIDATION_KIND}{found.job_id}")
    return json.loads(kept[-1]) if kept else None
