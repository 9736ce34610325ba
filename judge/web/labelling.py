"""The page on which a person labels: blind, one output at a time, by keys or by touch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers

from judge.errors import RatingConflict
from judge.records.label_sheet import LabelSheet, SheetTask
from judge.render.markup import Markup, element, together
from judge.render.text import flat
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
assets = APIRouter(include_in_schema=False)
"""What every page for labelling loads."""

_MOST_SECONDS = 3600.0
_LONGEST_COMMENT = 10_000


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
    comment: str = Field(default="", max_length=_LONGEST_COMMENT)
    skipped: bool = False
    seconds: float = Field(default=0.0, ge=0)
    replace: bool = Field(default=False, description="take back what was said of the row before")

    @property
    def counted_s(self) -> float:
        """Seconds that the rater took; who left the page open took no longer than an hour."""
        return min(self.seconds, _MOST_SECONDS)


def create_desk(desk: LabellingDesk, *, hosts: frozenset[str]) -> FastAPI:
    """Return the app of one desk.

    Raises:
        AssertionError: a route does not say who may use it.
    """
    app = FastAPI(title="judge label", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.server = desk
    app.include_router(router)
    app.include_router(assets)
    handle_errors(app)
    refuse_undeclared(app)

    def knows(headers: Headers) -> bool:
        return caller_of(headers, keys=desk.keys, links=desk.links) is not None

    app.add_middleware(Guard, hosts=hosts, knows=knows, metrics=Metrics())
    return app


def labelling_page(
    *,
    question: str,
    against: str,
    categories: Sequence[str],
    tasks: str,
    first: str,
    way_back: Markup = Markup(),  # noqa: B008 - a text does not change
) -> str:
    """Return the page on which rows are labelled, one at a time.

    Args:
        question: what raters are asked, in words.
        against: what the output is held against, in words.
        categories: worst first; the first is on key 1.
        tasks: path under which rows are asked for by their numbers.
        first: the number of the row to begin with.
        way_back: leads to where the rater came from.
    """
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
        for place, category in enumerate(categories, start=1)
    ]
    body = together(
        element(
            "header",
            way_back,
            element("h1", question),
            element("p", id="progress", role="status", aria_live="polite"),
            element("progress", id="bar", max="1", value="0", aria_label="done"),
        ),
        element(
            "main",
            _text("input", "The task"),
            element("div", _text("against", against), _text("output", "The answer"), id="pair"),
        ),
        element(
            "footer",
            element("div", *buttons, id="categories", role="group", aria_label="your label"),
            element(
                "div",
                element(
                    "label",
                    "Comment, or why you skip it ",
                    element("input", id="comment", maxlength=str(_LONGEST_COMMENT)),
                ),
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
        element("title", f"Label: {flat(question)}"),
        element("link", rel="icon", href="data:,"),
        element("link", rel="stylesheet", href="/label.css"),
    )
    script = element("script", src="/label.js", defer=True)
    whole = element(
        "html",
        element("head", head, script),
        element("body", body, data_first=first, data_tasks=tasks),
        lang="en",
    )
    return f"<!doctype html>{whole}"


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
    return labelling_page(
        question=desk.question,
        against=desk.against,
        categories=desk.categories,
        tasks="/tasks",
        first=str(desk.sheet.first_open),
    )


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
    was = _task(desk, number)
    if (was.label or was.skipped) and not body.replace:
        raise RatingConflict("this row is labelled already; go back to it to change its label")
    desk.sheet.fill_in(
        number,
        label=body.label,
        comment=body.comment,
        skipped=body.skipped,
        seconds=body.counted_s,
    )
    return _row(desk, number)


@assets.get("/label.css")
@public
def style() -> Response:
    """Return the style of the page."""
    return Response(_asset("label.css"), media_type="text/css")


@assets.get("/label.js")
@public
def script() -> Response:
    """Return the script of the page."""
    return Response(_asset("label.js"), media_type="text/javascript")


def _row(desk: LabellingDesk, number: int) -> dict[str, object]:
    found = _task(desk, number)
    last = len(desk.sheet) - 1
    return {
        **asdict(found),
        "place": number + 1,
        "of": len(desk.sheet),
        "done": desk.sheet.done,
        "skips": desk.sheet.skipped,
        "before": number - 1 if number else None,
        "after": number + 1 if number < last else None,
        "more": False,
    }


def _task(desk: LabellingDesk, number: int) -> SheetTask:
    try:
        return desk.sheet.task(number)
    except IndexError:
        raise not_found() from None


def _text(name: str, title: str) -> Markup:
    return element(
        "section",
        element("h2", title, id=f"{name}-title"),
        element("p", id=name, class_="text"),
        aria_labelledby=f"{name}-title",
    )


def _asset(name: str) -> bytes:
    return files("judge.web").joinpath(name).read_bytes()
