"""Reports of runs over HTTP."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from judge.api.reporting import report as report_of
from judge.render.estimates_csv import estimates_csv
from judge.render.json import examples_jsonl, report_json
from judge.render.markdown import as_markdown
from judge.render.pages import report_page
from judge.render.report_html import report_html
from judge.results.run import RunManifest
from judge.web.access import Caller, Role, needs
from judge.web.jobs import NDJSON
from judge.web.problems import not_found
from judge.web.server import Server

# The file names its own script and style by their hashes. In a sandbox it is of no origin: it
# reads no cookie and asks nothing of this server.
_OWN_SCRIPT = (
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
)

_FORMS = ("application/json", "text/html", "text/markdown", "text/csv", NDJSON)

router = APIRouter(prefix="/v1/runs", tags=["runs"])


class ReportFormat(StrEnum):
    """How a report is written."""

    JSON = "json"
    HTML = "html"
    MARKDOWN = "md"
    CSV = "csv"
    EXAMPLES = "jsonl"


@router.get(
    "/{run_id}/report",
    response_class=Response,
    responses={200: {"content": {form: {} for form in _FORMS}}},
)
def report(
    request: Request,
    run_id: str,
    caller: Annotated[Caller, needs(Role.READ)],
    form: Annotated[ReportFormat, Query(alias="format")] = ReportFormat.JSON,
) -> Response:
    """Return what a run says; certificates are looked up now."""
    server: Server = request.app.state.server
    found = report_of(server.store, run_of(server, caller, run_id), now=datetime.now(UTC))
    writers: Mapping[ReportFormat, tuple[Callable[[], bytes], str]] = {
        ReportFormat.JSON: (lambda: report_json(found), "application/json"),
        ReportFormat.HTML: (lambda: report_html(found), "text/html; charset=utf-8"),
        ReportFormat.MARKDOWN: (
            lambda: as_markdown(report_page(found)).encode(),
            "text/markdown; charset=utf-8",
        ),
        ReportFormat.CSV: (lambda: estimates_csv(found), "text/csv; charset=utf-8"),
        ReportFormat.EXAMPLES: (lambda: examples_jsonl(found), NDJSON),
    }
    write, media_type = writers[form]
    headers = {"Content-Security-Policy": _OWN_SCRIPT} if form is ReportFormat.HTML else {}
    return Response(write(), media_type=media_type, headers=headers)


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
