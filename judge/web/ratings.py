"""Ratings over HTTP: what people said of the outputs of a job."""

import threading
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from judge.api.rating import SentRating, check_sent, keep_ratings, rows_of, sent_ratings
from judge.records.rating import LabelSource
from judge.records.record import Target
from judge.results.job import Job, JobKind
from judge.web.access import Caller, Role, needs
from judge.web.jobs import LARGEST, job_of
from judge.web.problems import not_found
from judge.web.server import Server
from judge.wiring.serving import open_rated

router = APIRouter(prefix="/v1/ratings", tags=["ratings"])

_MOST_RATINGS = 10_000
_ONE_AT_A_TIME = threading.Lock()
"""Whether a rating is new is asked and answered by one request at a time."""

Name = Annotated[str, Field(min_length=1, max_length=500)]


class RatingSent(BaseModel):
    """What one rater says of one output."""

    model_config = ConfigDict(extra="forbid")

    id: Name = Field(description="of the item")
    system: Name | None = Field(default=None, description="whose output; of pairs nobody's")
    rater: Name
    label: StrictStr | StrictInt | StrictBool = Field(description="a category of the scale")
    source: LabelSource = Field(description="human, or constructed by an author or a program")
    blind: bool = Field(
        default=False, description="the rater saw neither the verdict nor the system's name"
    )
    criterion: Name | None = Field(default=None, description="default: what the config asks")
    target: Target | None = Field(default=None, description="what the output was compared with")
    inclusion_probability: float | None = Field(
        default=None, gt=0, le=1, description="chance with which this output was drawn to be rated"
    )
    output_hash: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the text that was rated: another text is refused",
    )
    seconds: float | None = Field(default=None, ge=0, le=86_400)
    comment: str | None = Field(default=None, max_length=10_000)

    def given(self) -> SentRating:
        """Return what was said, and nothing of what was not."""
        return self.model_dump(mode="json", exclude_none=True)


class RatingsRequest(BaseModel):
    """Ratings of the outputs of one job."""

    model_config = ConfigDict(extra="forbid")

    job_id: str = Field(max_length=100)
    ratings: list[RatingSent] = Field(min_length=1, max_length=_MOST_RATINGS)
    replace: bool = Field(
        default=False, description="take back what the same rater said of the same output before"
    )


class RatingsKept(BaseModel):
    """What became of ratings that were sent."""

    new: int
    repeated: int = Field(description="known already: sent twice, they count once")
    replaced: int


class RatingAnswer(RatingSent):
    """A rating as it is kept."""


class RatingsAnswer(BaseModel):
    """The last word of each rater on each output, in the order they came."""

    ratings: list[RatingAnswer]
    total: int


@router.post("")
def rate(
    request: Request, body: RatingsRequest, caller: Annotated[Caller, needs(Role.LABEL)]
) -> RatingsKept:
    """Keep ratings, all of them or none; one that is sent twice is kept once.

    Each is held against the job: its item, its system, its text where a hash is given, and the
    scale of the judge. What is off the scale is refused with its place in the list.
    """
    server: Server = request.app.state.server
    of = _rated_job(server, caller, body.job_id)
    sent = [one.given() for one in body.ratings]
    check_sent(open_rated(server.rules, of, rows_of(sent)))
    with _ONE_AT_A_TIME:
        kept = keep_ratings(server.store, of.job_id, sent, replace=body.replace)
    server.store.service.note(
        who=caller.key_id,
        workspace=caller.workspace,
        what="ratings.keep",
        about=of.job_id,
        details={"new": kept.new, "repeated": kept.repeated, "replaced": kept.replaced},
    )
    return RatingsKept(new=kept.new, repeated=kept.repeated, replaced=kept.replaced)


@router.get("")
def ratings(
    request: Request,
    caller: Annotated[Caller, needs(Role.READ)],
    job_id: Annotated[str, Query(max_length=100)],
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_RATINGS)] = 1000,
) -> RatingsAnswer:
    """Return what was sent about a job; what its config names beside that is not among it."""
    server: Server = request.app.state.server
    of = _rated_job(server, caller, job_id)
    rows = sent_ratings(server.store, of.job_id)
    return RatingsAnswer(
        ratings=[RatingAnswer.model_validate(row.values) for row in rows[after : after + limit]],
        total=len(rows),
    )


def _rated_job(server: Server, caller: Caller, job_id: str) -> Job:
    found = job_of(server, caller, job_id)
    if found.kind is not JobKind.SCORING:
        raise not_found()
    return found
