"""Reports of runs over HTTP."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from judge.api.reporting import report as report_of
from judge.render.json import examples_jsonl, report_json
from judge.render.markdown import as_markdown
from judge.render.pages import report_page
from judge.results.run import RunManifest
from judge.web.access import Caller, Role, needs
from judge.web.jobs import NDJSON
from judge.web.problems import not_found
from judge.web.server import Server

router = APIRouter(prefix="/v1/runs", tags=["runs"])


class ReportFormat(StrEnum):
    """How a report is written."""

    JSON = "json"
    MARKDOWN = "md"
    EXAMPLES = "jsonl"


@router.get("/{run_id}/report")
def report(
    request: Request,
    run_id: str,
    caller: Annotated[Caller, needs(Role.READ)],
    form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.JSON,
) -> Response:
    """Return what a run says; certificates are looked up now."""
    server: Server = request.app.state.server
    found = report_of(server.store, run_of(server, caller, run_id), now=datetime.now(UTC))
    if form is ReportFormat.JSON:
        return Response(report_json(found), media_type="application/json")
    if form is ReportFormat.EXAMPLES:
        return Response(examples_jsonl(found), media_type=NDJSON)
    return Response(as_markdown(report_page(found)), media_type="text/markdown; charset=utf-8")


def run_of(server: Server, caller: Caller, run_id: str) -> RunManifest:
    """Return the run of a job of a caller's workspace.

    Raises:
        Problem: there is none.
    """
    if server.store.service.workspace_of(run_id) != caller.workspace:
        raise not_found()
    found = next((one for one in server.store.manifests() if one.run_id == run_id), None)
    if found is None:
        raise not_found()
    return found
