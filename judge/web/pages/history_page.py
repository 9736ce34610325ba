"""Runs over time: what the runs of one name say, one after the other, and where they break."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from judge.api.comparing import history_of
from judge.errors import ConfigError
from judge.render import history_page as rendering
from judge.render.html import table_markup
from judge.render.markup import Markup, element
from judge.render.page import Section
from judge.render.text import flat
from judge.reports.groups import OVERALL
from judge.reports.history import History
from judge.results.job import JobKind
from judge.web.access import Caller, Role, needs
from judge.web.pages.frame import framed, moment, table
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_MOST_JOBS = 10_000
_MOST_RUNS = 50
_RUNS = 10

Name = Annotated[str, Query(max_length=500)]


@router.get("/history")
def history(
    request: Request,
    caller: Annotated[Caller, needs(Role.READ)],
    name: Name = "",
    slice_name: Annotated[str, Query(alias="slice", max_length=500)] = OVERALL,
    last: Annotated[int, Query(ge=1, le=_MOST_RUNS)] = _RUNS,
) -> str:
    """Show each metric over the runs of one name."""
    server: Server = request.app.state.server
    names = _names(server, caller)
    if not names:
        nothing = "No job has finished here yet: a run is compared with those of the same name."
        return framed(
            "Over time",
            element("p", nothing, class_="quiet"),
            caller=caller,
            place="/history",
        )
    wanted = name or next(iter(names.values()))
    among = [run_id for run_id, one in names.items() if one == wanted]
    form = _form(list(dict.fromkeys(names.values())), wanted, slice_name, last)
    try:
        found = history_of(
            server.store,
            now=datetime.now(UTC),
            name=wanted,
            last=last,
            slice_name=slice_name or OVERALL,
            among=among,
        )
    except ConfigError as error:
        said = element("p", str(error), class_="alert", role="alert")
        return framed("Over time", form, said, caller=caller, place="/history")
    shown = rendering.history_page(found)
    return framed(
        "Over time",
        form,
        *(_section(one) for one in shown.sections),
        _runs(found),
        caller=caller,
        place="/history",
    )


def _names(server: Server, caller: Caller) -> Mapping[str, str]:
    """Return the names of the runs of a workspace that are over, by id, newest first."""
    found = server.store.service.jobs(
        workspace=caller.workspace, kind=JobKind.SCORING, limit=_MOST_JOBS
    )
    return {job.run_id: job.name for _, job in found if job.run_id and job.state.is_over}


def _form(names: Sequence[str], wanted: str, slice_name: str, last: int) -> Markup:
    options = [
        element("option", flat(name), value=name, **({"selected": True} if name == wanted else {}))
        for name in names
    ]
    return element(
        "form",
        element("label", "Runs of", element("select", *options, name="name")),
        element("label", "On", element("input", name="slice", value=slice_name)),
        element(
            "label",
            "The newest",
            element(
                "input", name="last", type="number", min="1", max=str(_MOST_RUNS), value=str(last)
            ),
        ),
        element("button", "Show", type="submit", class_="main"),
        method="get",
        action="/history",
        class_="fields",
    )


def _section(one: Section) -> Markup:
    return element(
        "section",
        element("h2", flat(one.title)),
        *(element("p", line, class_="lines") for line in one.lines),
        *(table_markup(shown, one.title) for shown in one.tables),
    )


def _runs(found: History) -> Markup:
    rows = [
        element(
            "tr",
            element(
                "th",
                element("a", run_id, href=f"/v1/runs/{run_id}/report?format=html"),
                scope="row",
            ),
            element("td", moment(point.manifest.started.isoformat())),
            element("td", element("bdi", flat(", ".join(point.new_outputs)) or "-")),
            element("td", element("a", "examples", href=f"/runs/{run_id}/examples")),
        )
        for point in reversed(found.points)
        for run_id in [point.manifest.run_id]
    ]
    columns = ("report", "began", "new outputs of", "look at")
    return element("section", element("h2", "Runs"), table("Runs, newest first", columns, rows))
