"""A few records at once, for somebody who waits for the answer."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from judge.api.asking import FewScored, GivenRecord, dataset_of, score_few
from judge.records.record import RecordKey, Target
from judge.records.strict_json import dump_json
from judge.results.outcome import Fate, NotApplicable
from judge.results.sql_service import new_job_id
from judge.trust.admission import AdmittedMeasure
from judge.web.access import Caller, Role, needs
from judge.web.jobs import job_of
from judge.web.problems import Problem
from judge.web.server import Server
from judge.web.submitting import ConfigOrJobSent, kept_config
from judge.wiring.serving import open_few

router = APIRouter(prefix="/v1/score", tags=["score"])

MOST_RECORDS = 32
MOST_CHARACTERS = 1_000_000
LONGEST_S = 20.0
"""Well within what a request may take, so that there is an answer with what is known by then."""

_MOST_REFERENCES = 20

Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class RecordSent(BaseModel):
    """An answer to be scored, with what it may be held against."""

    model_config = ConfigDict(extra="forbid")

    id: Name
    system: Name = Field(default="student", description="who gave the answer")
    input: Text = ""
    output: Text = Field(description="the answer; of a pair, the first one")
    references: list[Text] = Field(
        default_factory=list, max_length=_MOST_REFERENCES, description="right answers: any will do"
    )
    teacher_output: Text | None = Field(default=None, description="what the teacher answered")
    opponent: Text | None = Field(default=None, description="of a pair, the other answer")
    json_schema: dict[str, JsonValue] | bool | None = Field(
        default=None, alias="schema", description="the JSON Schema it must satisfy"
    )

    def given(self) -> GivenRecord:
        """Return it as it is scored."""
        return GivenRecord(
            record_id=self.id,
            system=self.system,
            input=self.input,
            output=self.output,
            references=tuple(self.references),
            teacher_output=self.teacher_output,
            opponent=self.opponent,
            schema="" if self.json_schema is None else dump_json(self.json_schema),
        )


class ScoreRequest(ConfigOrJobSent):
    """Records, and the config whose scorers they are put to."""

    records: list[RecordSent] = Field(min_length=1, max_length=MOST_RECORDS)
    max_cost: float | None = Field(default=None, ge=0, description="US dollars it may spend")


class MeasureAnswer(BaseModel):
    """One scorer against one target, and whether its judge is believed."""

    metric: str
    target: Target
    judged: bool
    trusted: bool = Field(description="whether its values are shown: always, where nobody judges")
    standing: str | None = Field(description="of the judge; null where nobody judges")
    reasons: list[str]
    remedy: str = Field(description="what makes the judge believed; empty where nothing is to do")


class OutcomeAnswer(BaseModel):
    """What came of one record and one measure."""

    kind: Literal["score", "withheld", "fate", "not_applicable"]
    value: float | None = Field(default=None, description="of a score that may be believed")
    label: str = Field(default="", description="the judge's verdict, believed or not")
    rationale: str = ""
    flags: list[str] = []
    code: str = Field(default="", description="of a fate, why there is no score")
    message: str = Field(default="", description="the same in words, or why it is withheld")


class ScoredAnswer(BaseModel):
    """One record with its outcomes by metric."""

    id: str
    system: str
    outcomes: dict[str, OutcomeAnswer]


class ScoreAnswer(BaseModel):
    """What came of the records, in the order in which they were sent."""

    run_id: str
    measures: list[MeasureAnswer]
    records: list[ScoredAnswer]


@router.post("", responses={504: {"model": None, "description": "the judge did not answer"}})
async def score(
    request: Request, body: ScoreRequest, caller: Annotated[Caller, needs(Role.SUBMIT)]
) -> ScoreAnswer:
    """Score a few records now.

    The config says how, as for a job; the items, outputs and ratings that it names are not read.
    After 20 s there is an answer in any case: what was not scored by then has the fate
    `not_yet_scored` or `sent_unknown`. A judged value is withheld as long as no certificate says
    that the judge is to be believed; its verdict stands there all the same.
    """
    server: Server = request.app.state.server
    given = [one.given() for one in body.records]
    dataset = dataset_of(given)
    folder = server.rules.folder / new_job_id()
    try:
        path = await asyncio.to_thread(_config_at, server, caller, body, folder)
        project = await asyncio.to_thread(
            open_few, server.rules, path, dataset, max_cost=body.max_cost
        )
        found = await score_few(
            project, server.store, given, now=lambda: datetime.now(UTC), within_s=LONGEST_S
        )
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if found is None:
        raise Problem(
            504,
            "judge_too_slow",
            f"the judge did not say within {LONGEST_S:g} s what it can do; submit a job instead",
        )
    return _answer(found)


def _config_at(server: Server, caller: Caller, body: ConfigOrJobSent, folder: Path) -> Path:
    if body.job_id is not None:
        return Path(job_of(server, caller, body.job_id).config_path)
    return kept_config(server, body, folder)


def _answer(found: FewScored) -> ScoreAnswer:
    return ScoreAnswer(
        run_id=found.run_id,
        measures=[_measure(one) for one in found.measures],
        records=[
            ScoredAnswer(id=key.item_id, system=key.system, outcomes=_outcomes(found.measures, key))
            for key in found.keys
        ],
    )


def _measure(admitted: AdmittedMeasure) -> MeasureAnswer:
    trust = admitted.trust
    return MeasureAnswer(
        metric=admitted.measure.metric,
        target=admitted.measure.target,
        judged=admitted.measure.judged,
        trusted=not admitted.withheld,
        standing=None if trust is None else trust.standing.value,
        reasons=[] if trust is None else list(trust.reasons),
        remedy="" if trust is None else trust.remedy,
    )


def _outcomes(measures: tuple[AdmittedMeasure, ...], key: RecordKey) -> dict[str, OutcomeAnswer]:
    return {one.measure.metric: _outcome(one, key) for one in measures}


def _outcome(admitted: AdmittedMeasure, key: RecordKey) -> OutcomeAnswer:
    outcome = admitted.outcomes[key]
    if isinstance(outcome, NotApplicable):
        return OutcomeAnswer(kind="not_applicable", message=outcome.reason)
    if isinstance(outcome, Fate):
        return OutcomeAnswer(kind="fate", code=outcome.code.value, message=outcome.message)
    why = admitted.why_withheld_on(key.system, "")
    return OutcomeAnswer(
        kind="withheld" if why else "score",
        value=None if why else outcome.value,
        label=outcome.label,
        rationale=outcome.rationale,
        flags=list(outcome.flags),
        message=why,
    )
