"""Coming in: by the one-time link, or by showing a key once; and going out again."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from judge.render.markup import Markup, element
from judge.web.access import COOKIE, SESSION_S, Role, public, session_of
from judge.web.forms import FormBody
from judge.web.pages.frame import framed, problem_page, wants_page
from judge.web.problems import Problem, response
from judge.web.server import Server

router = APIRouter(include_in_schema=False)

DOOR = "/enter"


@router.get(f"{DOOR}/{{token}}")
@public
def enter(request: Request, token: str) -> Response:
    """Open a session with a one-time link."""
    server: Server = request.app.state.server
    if (session := server.links.open(token)) is None:
        raise Problem(401, "unauthenticated", "this link was used; start judge serve again")
    return _inside(request, session, "/")


@router.post(DOOR)
@public
def show_key(request: Request, form: FormBody) -> Response:
    """Open a session with a key, for as long as the key is valid and no longer than a day."""
    server: Server = request.app.state.server
    caller = server.keys.caller(form.one("key"))
    if caller is None:
        page = _sign_in("This key opens nothing: it is unknown, expired or revoked.")
        return HTMLResponse(page, status_code=401)
    path = "/" if caller.may(Role.READ) else "/labelling"
    return _inside(request, server.links.open_with(caller.key_id), path)


@router.post("/leave")
@public
def leave(request: Request) -> Response:
    """End a session."""
    server: Server = request.app.state.server
    server.links.close(session_of(request.headers))
    gone = HTMLResponse(_sign_in("You are signed out."))
    gone.delete_cookie(COOKIE)
    return gone


def told(request: Request, problem: Problem) -> Response:
    """Return a problem as a page where a browser asked for one; to who is unknown, the door."""
    if not wants_page(request):
        return response(problem)
    page = _sign_in("") if problem.status == 401 else problem_page(problem)  # noqa: PLR2004
    return HTMLResponse(page, status_code=problem.status, headers=dict(problem.headers or {}))


def _inside(request: Request, session: str, path: str) -> Response:
    found = RedirectResponse(path, status_code=303)
    found.set_cookie(
        COOKIE,
        session,
        max_age=int(SESSION_S),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return found


def _sign_in(said: str) -> str:
    key = element(
        "input", type="password", name="key", required=True, autocomplete="current-password"
    )
    # A password manager wants a name to keep a key under.
    user = element("input", name="user", value="judge", autocomplete="username", hidden=True)
    form = element(
        "form",
        user,
        element("label", "Your key", key, class_="field"),
        element("button", "Come in", type="submit", class_="main"),
        method="post",
        action=DOOR,
        class_="card fields",
    )
    return framed(
        "Sign in",
        element("p", said, class_="alert", role="alert") if said else Markup(),
        element(
            "p",
            "Keys are made by whoever runs this service. On the machine it runs on, judge serve "
            "prints a link that opens once.",
            class_="lines",
        ),
        form,
        caller=None,
    )
