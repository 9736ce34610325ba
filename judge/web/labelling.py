"""The page on which a person labels: blind, one output at a time, by keys or by touch."""

from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers

from judge.records.label_sheet import LabelSheet
from judge.render.markup import Markup, element, together
from judge.web.access import (
    COOKIE,
    Caller,
    KeyHolder,
    Links,
    NoKeys,
    Role,
    caller_of,
    needs,
    public,
    refuse_undeclared,
)
from judge.web.guard import Guard
from judge.web.metrics import Metrics
from judge.web.problems import handle_errors, not_found, unauthenticated

router = APIRouter(include_in_schema=False)

_MOST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LabellingDesk:
    """What the page needs.

    Attributes:
        question: what raters are asked, in words.
        against: what the output is held against, in words.
        categories: worst first; the first is on key 1.
        keys: nobody has a key to a desk: it opens by its link.
    """

    sheet: LabelSheet
    question: str
    against: str
    categories: tuple[str, ...]
    links: Links = field(default_factory=Links)
    keys: KeyHolder = field(default_factory=NoKeys)


class Filled(BaseModel):
    """What a rater says of a row."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(default="", max_length=200)
    comment: str = Field(default="", max_length=10_000)
    skipped: bool = False
    seconds: float = Field(default=0.0, ge=0)


def create_desk(desk: LabellingDesk, *, hosts: frozenset[str]) -> FastAPI:
    """Return the app of one desk.

    Raises:
        AssertionError: a route does not say who may use it.
    """
    app = FastAPI(title="judge label", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.server = desk
    app.include_router(router)
    handle_errors(app)
    refuse_undeclared(app)

    def knows(headers: Headers) -> bool:
        return caller_of(headers, keys=desk.keys, links=desk.links) is not None

    app.add_middleware(Guard, hosts=hosts, knows=knows, metrics=Metrics())
    return app


@router.get("/enter/{token}")
@public
def enter(request: Request, token: str) -> Response:
    """Open a session with a one-time link."""
    desk: LabellingDesk = request.app.state.server
    if (session := desk.links.open(token)) is None:
        raise unauthenticated()
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(COOKIE, session, httponly=True, samesite="strict")
    return response


@router.get("/", response_class=HTMLResponse)
def page(request: Request, caller: Annotated[Caller, needs(Role.LABEL)]) -> str:
    """Show the page."""
    del caller
    desk: LabellingDesk = request.app.state.server
    buttons = [
        element(
            "button",
            element("kbd", str(place)),
            f" {category}",
            type="button",
            class_="category",
            data_label=category,
            aria_pressed="false",
        )
        for place, category in enumerate(desk.categories, start=1)
    ]
    body = together(
        element(
            "header",
            element("h1", desk.question),
            element("p", id="progress", role="status", aria_live="polite"),
            element("progress", id="bar", max=str(len(desk.sheet)), value="0", aria_label="done"),
        ),
        element(
            "main",
            _text("input", "The task"),
            element(
                "div", _text("against", desk.against), _text("output", "The answer"), id="pair"
            ),
        ),
        element(
            "footer",
            element("div", *buttons, id="categories", role="group", aria_label="your label"),
            element(
                "div",
                element("label", "Comment, or why you skip it ", element("input", id="comment")),
                element("button", element("kbd", "s"), " skip", type="button", id="skip"),
                element("button", element("kbd", "u"), " undo", type="button", id="undo"),
                element("button", element("kbd", "k"), " back", type="button", id="back"),
                element("button", element("kbd", "j"), " next", type="button", id="next"),
                id="tools",
            ),
            element("p", id="said", role="alert"),
        ),
    )
    head = together(
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"Label: {desk.question}"),
        element("link", rel="icon", href="data:,"),
        element("link", rel="stylesheet", href="/label.css"),
    )
    script = element("script", src="/label.js", defer=True)
    whole = element(
        "html",
        element("head", head, script),
        element("body", body, data_first=str(desk.sheet.first_open)),
        lang="en",
    )
    return f"<!doctype html>{whole}"


@router.get("/tasks/{number}")
def task(
    request: Request, number: int, caller: Annotated[Caller, needs(Role.LABEL)]
) -> dict[str, object]:
    """Return one row, as the rater sees it."""
    del caller
    desk: LabellingDesk = request.app.state.server
    return _row(desk, number)


@router.put("/tasks/{number}")
def fill_in(
    request: Request, number: int, body: Filled, caller: Annotated[Caller, needs(Role.LABEL)]
) -> dict[str, object]:
    """Keep what a rater says of a row; it is on the disk when this answers."""
    del caller
    desk: LabellingDesk = request.app.state.server
    _row(desk, number)
    desk.sheet.fill_in(
        number,
        label=body.label,
        comment=body.comment,
        skipped=body.skipped,
        seconds=min(body.seconds, _MOST_SECONDS),
    )
    return _row(desk, number)


@router.get("/label.css")
@public
def style() -> Response:
    """Return the style of the page."""
    return Response(_asset("label.css"), media_type="text/css")


@router.get("/label.js")
@public
def script() -> Response:
    """Return the script of the page."""
    return Response(_asset("label.js"), media_type="text/javascript")


def _row(desk: LabellingDesk, number: int) -> dict[str, object]:
    try:
        found = desk.sheet.task(number)
    except IndexError:
        raise not_found() from None
    return {
        **asdict(found),
        "of": len(desk.sheet),
        "done": desk.sheet.done,
        "skips": desk.sheet.skipped,
    }


def _text(name: str, title: str) -> Markup:
    return element(
        "section",
        element("h2", title, id=f"{name}-title"),
        element("p", id=name, class_="text"),
        aria_labelledby=f"{name}-title",
    )


def _asset(name: str) -> bytes:
    return files("judge.web").joinpath(name).read_bytes()
