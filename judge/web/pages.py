"""Pages for people, rendered here; what models wrote stands in them as text alone."""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from judge.results.job import Job
from judge.web.access import COOKIE, Caller, Role, needs, public
from judge.web.jobs import job_of
from judge.web.problems import Problem
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
pre { overflow-x: auto; }
progress { width: 8rem; }
.quiet { color: var(--quiet); }
"""
_SCRIPT = """\
// Follows every job that is not over, and shows how far it is.
for (const row of document.querySelectorAll("tr[data-job]")) {
  if (row.dataset.over === "yes") continue;
  const events = new EventSource(`/v1/jobs/${row.dataset.job}/events`);
  events.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    row.querySelector(".state").textContent = job.state;
    row.querySelector(".done").textContent = `${job.done} of ${job.total || "?"}`;
    const bar = row.querySelector("progress");
    bar.max = job.total || 1;
    bar.value = job.done;
    if (!["queued", "running"].includes(job.state)) events.close();
  });
}
"""


@router.get("/enter/{token}")
@public
def enter(request: Request, token: str) -> Response:
    """Open a session with a one-time link."""
    server: Server = request.app.state.server
    if (session := server.links.open(token)) is None:
        raise Problem(401, "unauthenticated", "this link was used; start judge serve again")
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict")
    return response


@router.get("/")
def overview(request: Request, caller: Annotated[Caller, needs(Role.READ)]) -> str:
    """Show the jobs of a workspace."""
    server: Server = request.app.state.server
    found = server.store.service.jobs(workspace=caller.workspace, limit=200)
    if not found:
        return _page(
            "Jobs",
            "<p>There is no job yet. Submit one from a shell:</p>"
            "<pre>judge submit judge.yaml --server http://127.0.0.1:8000</pre>"
            "<p class='quiet'>A config and data to try it with: judge demo</p>",
        )
    rows = "".join(_row(server, job) for _, job in found)
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("job", "state", "scored", "submitted")
    )
    return _page("Jobs", f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


@router.get("/jobs/{job_id}")
def job_page(request: Request, job_id: str, caller: Annotated[Caller, needs(Role.READ)]) -> str:
    """Show one job, and where the report of its run is."""
    server: Server = request.app.state.server
    found = job_of(server, caller, job_id)
    parts = [f"<p>{escape(found.state.value)}</p>"]
    if found.error:
        parts.append(f"<p role='alert'>{escape(found.error)}</p>")
    if found.run_id and found.state.is_over:
        report = f"/v1/runs/{escape(found.run_id)}/report?format="
        forms = {"html": "Read the report", "json": "JSON", "csv": "CSV", "jsonl": "examples"}
        links = (f"<a href='{report}{form}'>{words}</a>" for form, words in forms.items())
        parts.append(f"<p>{' · '.join(links)}</p>")
    return _page(found.name, "".join(parts))


@router.get("/style.css")
@public
def style() -> Response:
    """Return the style of all pages."""
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=300"})


@router.get("/jobs.js")
@public
def script() -> Response:
    """Return the script of the overview."""
    headers = {"Cache-Control": "max-age=300"}
    return Response(_SCRIPT, media_type="text/javascript", headers=headers)


def _row(server: Server, job: Job) -> str:
    done = server.store.service.n_outcomes(job.run_id) if job.run_id else 0
    return (
        f"<tr data-job='{escape(job.job_id)}' data-over='{'yes' if job.state.is_over else 'no'}'>"
        f"<td><a href='/jobs/{escape(job.job_id)}'>{escape(job.name)}</a></td>"
        f"<td class='state'>{escape(job.state.value)}</td>"
        f"<td><progress max='{job.total or 1}' value='{done}' aria-label='scored'></progress> "
        f"<span class='done'>{done} of {job.total or '?'}</span></td>"
        f"<td class='quiet'>{escape(job.submitted[:16].replace('T', ' '))}</td></tr>"
    )


def _page(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} - judge</title><link rel='icon' href='data:,'>"
        "<link rel='stylesheet' href='/style.css'></head>"
        f"<body><main><p><a href='/'>judge</a></p><h1>{escape(title)}</h1>{body}</main>"
        "<script src='/jobs.js'></script></body></html>"
    )
