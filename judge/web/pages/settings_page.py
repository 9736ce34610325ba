"""How this server is set: what was said when it was started."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from judge.render.markup import Markup, element
from judge.results.tables import SCHEMA_VERSION
from judge.web.access import Caller, Role, needs
from judge.web.pages.frame import badge, framed, table
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/settings")
def settings(request: Request, caller: Annotated[Caller, needs(Role.ADMIN)]) -> str:
    """Show what this server does, and what it was told."""
    server: Server = request.app.state.server
    state = badge("ready", "good") if server.is_ready else badge("not ready", "bad")
    return framed(
        "Settings",
        element(
            "p",
            state,
            " These are set where the service is started (judge serve --help) and do not change "
            "while it runs.",
            class_="lines",
        ),
        _told("Service", _service(server, caller)),
        _told("What submitted configs may do", _rules(server)),
        _told("Limits", _limits(server)),
        _told("What is removed", _kept(server)),
        caller=caller,
        place="/settings",
    )


def _service(server: Server, caller: Caller) -> dict[str, str]:
    return {
        "version": version("judge"),
        "layout of the store": SCHEMA_VERSION,
        "names it goes by": ", ".join(sorted(server.hosts)),
        "your workspace": caller.workspace,
        "jobs at once": f"{server.at_once:,}",
    }


def _rules(server: Server) -> dict[str, str]:
    rules = server.rules
    endpoints = [f"{origin} (key in {name})" for origin, name in rules.endpoints.items()]
    return {
        "endpoints that may be asked": ", ".join(endpoints) or "none",
        "folders that may be read": ", ".join(map(str, rules.roots)) or "none",
        "calls in flight, of a job": f"{rules.connections:,}",
    }


def _limits(server: Server) -> dict[str, str]:
    return {
        "requests a minute, of a key": f"{server.limits.requests_per_minute:,}",
        "jobs that wait or run, of a workspace": f"{server.limits.jobs:,}",
    }


def _kept(server: Server) -> dict[str, str]:
    runs = server.retention.runs_days
    return {
        "files of a job": f"{server.retention.files_days} days after it is over",
        "jobs and runs": "never" if runs is None else f"{runs} days after they are over",
        "ratings, certificates, the audit log": "never",
    }


def _told(title: str, facts: dict[str, str]) -> Markup:
    rows = [
        element("tr", element("th", name, scope="row"), element("td", value))
        for name, value in facts.items()
    ]
    return element("section", element("h2", title), table(title, ("", ""), rows, kind="facts"))
