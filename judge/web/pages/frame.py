"""The frame of every page of the service: its head, its way round, and the files it loads."""

from collections.abc import Sequence
from importlib.resources import files
from typing import TypeAlias

from fastapi import APIRouter, Request, Response

from judge.render.drawing import shapes
from judge.render.markup import Markup, element
from judge.render.text import flat
from judge.web.access import Caller, Role, public
from judge.web.problems import Problem

router = APIRouter(include_in_schema=False)

Cells: TypeAlias = Sequence[str]

_PLACES = (
    ("/", "Jobs", Role.READ),
    ("/judges", "Judges", Role.READ),
    ("/labelling", "Labelling", Role.LABEL),
    ("/history", "Over time", Role.READ),
    ("/keys", "Keys", Role.ADMIN),
    ("/audit", "Audit log", Role.ADMIN),
    ("/settings", "Settings", Role.ADMIN),
)
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='3' fill='%232457c5'/%3E"
    "%3Cpath d='M3 6h7M6 10h7' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
)
_SCRIPTS = {
    "page.js": "judge.render",
    "jobs.js": "judge.web.pages",
    "examples.js": "judge.web.pages",
}


def framed(
    title: str,
    *parts: Markup,
    caller: Caller | None,
    place: str = "",
    scripts: Sequence[str] = (),
    head: Markup = Markup(),  # noqa: B008 - a text does not change
) -> str:
    """Return a page of the service.

    Args:
        title: its heading.
        parts: what stands under it.
        caller: who reads it, and sees the places open to them; None for nobody that is known.
        place: the path of the place it belongs to.
        scripts: names of the scripts it needs beside the one of all pages.
        head: what else belongs into its head.
    """
    body = element(
        "body",
        element("a", "Skip to the content", class_="skip", href="#content"),
        shapes(),
        element(
            "header",
            element("a", "judge", class_="brand", href="/"),
            _way(caller, place) if caller else "",
            element("button", "Light or dark", id="theme", type="button", hidden=True),
            _leave() if caller else "",
        ),
        element("main", element("h1", flat(title)), *parts, id="content", tabindex="-1"),
        *(element("script", src=f"/{name}") for name in ("page.js", *scripts)),
        class_="service",
    )
    top = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{flat(title)} - judge"),
        element("link", rel="icon", href=_ICON),
        element("link", rel="stylesheet", href="/style.css"),
        head,
    )
    return "<!doctype html>\n" + element("html", top, body, lang="en")


def looks_again(seconds: int, *, without_script_only: bool = False) -> Markup:
    """Return what belongs into the head of a page that is to be loaded again soon."""
    again = element("meta", http_equiv="refresh", content=str(seconds))
    return element("noscript", again) if without_script_only else again


def table(caption: str, columns: Cells, rows: Sequence[Markup], *, kind: str = "") -> Markup:
    """Return a table that scrolls by itself where there is no room.

    Args:
        caption: what it is, for whoever cannot see it.
        columns: names; an empty one heads nothing.
        rows: `tr` elements.
        kind: ``as-it-is`` for one whose order is the server's.
    """
    heads = [element("th", column, scope="col") if column else element("td") for column in columns]
    whole = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
        **({"class_": kind} if kind else {}),
    )
    return element("div", whole, class_="scroll", role="group", aria_label=caption, tabindex="0")


def post(path: str, words: str, *fields: Markup, kind: str = "", label: str = "") -> Markup:
    """Return a form that does something when its button is pressed.

    Args:
        path: where it is sent.
        words: on the button.
        fields: what is sent with it.
        kind: of the button.
        label: what the button does, where the words say it only to whoever sees what is beside it.
    """
    named = {"aria_label": label} if label else {}
    button = element("button", words, type="submit", class_=kind, **named)
    return element("form", *fields, button, method="post", action=path, class_="act")


def hidden(name: str, value: str) -> Markup:
    """Return a field of a form that nobody sees."""
    return element("input", type="hidden", name=name, value=value)


def badge(word: str, kind: str) -> Markup:
    """Return a word on a bed of colour: ``good``, ``doubt``, ``bad`` or ``plain``."""
    return element("span", word.replace("_", " "), class_=f"badge {kind}")


def moment(timestamp: str) -> Markup:
    """Return a time as people read it, to the minute, in UTC."""
    return element("time", timestamp[:16].replace("T", " "), datetime=timestamp, class_="quiet")


def problem_page(problem: Problem) -> str:
    """Return what somebody with a browser is told who asked for what there is not."""
    return framed(
        {401: "Who are you?", 403: "Not with this key", 404: "Nothing here"}.get(
            problem.status, "That did not work"
        ),
        element("p", problem.detail, class_="lines", role="alert"),
        element("p", element("a", "Back to the start", href="/"), class_="lines"),
        caller=None,
    )


def wants_page(request: Request) -> bool:
    """Whether a request comes from a browser that wants something to show."""
    is_api = request.url.path.startswith("/v1/")
    return not is_api and "text/html" in request.headers.get("accept", "")


@router.get("/style.css")
@public
def style() -> Response:
    """Return the style of all pages: that of report files, and what the service adds."""
    body = b"".join(
        files(package).joinpath(name).read_bytes()
        for package, name in (("judge.render", "page.css"), ("judge.web.pages", "service.css"))
    )
    return Response(body, media_type="text/css", headers={"Cache-Control": "max-age=300"})


def _script(name: str) -> None:
    @router.get(f"/{name}", name=name)
    @public
    def script() -> Response:
        body = files(_SCRIPTS[name]).joinpath(name).read_bytes()
        headers = {"Cache-Control": "max-age=300"}
        return Response(body, media_type="text/javascript", headers=headers)


for _name in _SCRIPTS:
    _script(_name)


def _way(caller: Caller, place: str) -> Markup:
    open_to_them = [one for one in _PLACES if caller.may(one[2])]
    links = (
        element("a", words, href=path, **({"aria_current": "page"} if path == place else {}))
        for path, words, _ in open_to_them
    )
    return element("nav", *links, aria_label="Places", class_="way")


def _leave() -> Markup:
    return post("/leave", "Sign out")
