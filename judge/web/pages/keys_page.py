"""The keys of a workspace: made and shown once, and revoked."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from judge.render.markup import Markup, element
from judge.render.text import flat
from judge.results.sql_service import KeyRow
from judge.results.store import timestamp
from judge.web.access import Caller, Role, needs
from judge.web.forms import Form, FormBody
from judge.web.pages.frame import badge, framed, moment, post, table
from judge.web.problems import Problem, not_found
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_LONGEST_NAME = 200
_MOST_DAYS = 3650
_DOES = {
    Role.SUBMIT: "submit jobs and measure judges",
    Role.READ: "read jobs, reports and examples",
    Role.LABEL: "label, and nothing else",
    Role.ADMIN: "all of it, and these pages",
}


@router.get("/keys")
def keys(request: Request, caller: Annotated[Caller, needs(Role.ADMIN)]) -> str:
    """Show the keys of a workspace, without the keys themselves."""
    return _page(request.app.state.server, caller)


@router.post("/keys")
def create(
    request: Request, caller: Annotated[Caller, needs(Role.ADMIN)], form: FormBody
) -> HTMLResponse:
    """Make a key and show it: now, and never again."""
    server: Server = request.app.state.server
    name, roles, days = _wanted(form)
    row, key = server.keys.create(name=name, workspace=caller.workspace, roles=roles, days=days)
    _note(server, caller, "key.create", row)
    shown = element(
        "section",
        element("h2", "The new key"),
        element(
            "p",
            "Copy it now: it is not shown again. What is kept is a hash of it.",
            class_="lines",
        ),
        element("p", key, class_="key", id="new-key"),
        class_="card",
        role="status",
    )
    return HTMLResponse(_page(server, caller, shown), status_code=201)


@router.post("/keys/{key_id}/revoke")
def revoke(
    request: Request, key_id: str, caller: Annotated[Caller, needs(Role.ADMIN)]
) -> RedirectResponse:
    """Make a key void, within a second."""
    server: Server = request.app.state.server
    if key_id not in {row.key_id for row in _rows(server, caller)}:
        raise not_found()
    if (row := server.keys.revoke(key_id)) is None:
        raise not_found()
    _note(server, caller, "key.revoke", row)
    return RedirectResponse("/keys", status_code=303)


def _page(server: Server, caller: Caller, shown: Markup = Markup()) -> str:  # noqa: B008 - a text
    rows = [_row(row, caller) for row in reversed(_rows(server, caller))]
    columns = ("name", "id", "roles", "made", "expires", "")
    return framed(
        "Keys",
        shown,
        table("Keys, newest first", columns, rows)
        if rows
        else element("p", "No key was made yet.", class_="quiet"),
        _form(),
        caller=caller,
        place="/keys",
    )


def _row(row: KeyRow, caller: Caller) -> Markup:
    is_over = bool(row.expires) and row.expires <= timestamp()
    if row.revoked:
        state = badge(f"revoked {row.revoked[:10]}", "bad")
    elif is_over:
        state = badge(f"expired {row.expires[:10]}", "doubt")
    else:
        revoking = post(
            f"/keys/{row.key_id}/revoke", "Revoke", label=f"Revoke {flat(row.name)} {row.key_id}"
        )
        own = element("span", "the one you use", class_="quiet")
        state = own if row.key_id == caller.key_id else revoking
    return element(
        "tr",
        element("th", element("bdi", flat(row.name) or row.key_id), scope="row"),
        element("td", element("code", row.key_id)),
        element("td", ", ".join(row.roles)),
        element("td", moment(row.created)),
        element("td", moment(row.expires) if row.expires else "never"),
        element("td", state),
    )


def _form() -> Markup:
    boxes = [
        element(
            "label",
            element("input", type="checkbox", name="role", value=role.value),
            f"{role.value}: {does}",
        )
        for role, does in _DOES.items()
    ]
    return element(
        "section",
        element("h2", "Make a key"),
        element(
            "form",
            element(
                "label",
                "Whose it is",
                element("input", name="name", required=True, maxlength=str(_LONGEST_NAME)),
            ),
            element(
                "label",
                "Days until it expires (empty: never)",
                element("input", name="days", inputmode="numeric"),
            ),
            element("fieldset", element("legend", "It may"), *boxes, class_="wide"),
            element("button", "Make it", type="submit", class_="main"),
            method="post",
            action="/keys",
            class_="fields",
        ),
        class_="card",
    )


def _wanted(form: Form) -> tuple[str, list[Role], int | None]:
    name = form.one("name")
    if not name or len(name) > _LONGEST_NAME or "\0" in name:
        raise Problem(422, "request_invalid", f"name: 1 to {_LONGEST_NAME} characters, please")
    known = {role.value: role for role in Role}
    said = form.all("role")
    if not said or not set(said) <= set(known):
        raise Problem(422, "request_invalid", f"role: at least one of {', '.join(known)}, please")
    days = form.number("days", default=0, least=1, most=_MOST_DAYS)
    return name, [known[one] for one in said], days or None


def _rows(server: Server, caller: Caller) -> list[KeyRow]:
    rows = server.store.service.key_rows()
    return [row for row in rows if row.workspace == caller.workspace]


def _note(server: Server, caller: Caller, what: str, row: KeyRow) -> None:
    server.store.service.note(
        who=caller.key_id,
        workspace=caller.workspace,
        what=what,
        about=row.key_id,
        details={"name": row.name, "roles": list(row.roles), "expires": row.expires},
    )
