"""The audit log of a workspace: who did what, and when."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from judge.render.markup import Markup, element
from judge.render.text import flat, one_line
from judge.results.sql_service import AuditEntry
from judge.web.access import Caller, Role, needs
from judge.web.pages.frame import framed, moment, table
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_MOST_SHOWN = 100
_LONGEST_DETAIL = 300


@router.get("/audit")
def audit(
    request: Request,
    caller: Annotated[Caller, needs(Role.ADMIN)],
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> str:
    """Show who did what in a workspace, newest first."""
    server: Server = request.app.state.server
    found = server.store.service.audit(
        workspace=caller.workspace, before=before, limit=_MOST_SHOWN + 1
    )
    shown = found[:_MOST_SHOWN]
    names = {row.key_id: row.name for row in server.store.service.key_rows()}
    rows = [_row(one, names.get(one.who, "")) for one in shown]
    older = Markup()
    if len(found) > len(shown):
        link = element("a", "Older ones", href=f"/audit?before={shown[-1].place}", class_="button")
        older = element("p", link, class_="acts")
    return framed(
        "Audit log",
        element(
            "p",
            "Entries are only ever added. None holds a text of a record, or what somebody said.",
            class_="lines",
        ),
        table("Entries, newest first", ("when", "who", "did", "to", "details"), rows, kind="log")
        if rows
        else element("p", "Nothing was done here yet.", class_="quiet"),
        older,
        caller=caller,
        place="/audit",
    )


def _row(one: AuditEntry, name: str) -> Markup:
    details = ", ".join(
        f"{key}: {_words(value)}" for key, value in one.details.items() if value != ""
    )
    return element(
        "tr",
        element("td", moment(one.at)),
        element(
            "td",
            element("bdi", flat(name) or one.who),
            element("span", one.who, class_="peek") if name else "",
        ),
        element("td", one.what),
        element("td", element("code", flat(one.about))),
        element("td", element("bdi", one_line(details, most=_LONGEST_DETAIL))),
    )


def _words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
