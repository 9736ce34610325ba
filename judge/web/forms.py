"""What a form of ours sends: short texts by name."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

from judge.web.problems import Problem

_MOST_FIELDS = 100


class Form:
    """The fields of a form; what is not in it is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """Return a field without the blanks around it."""
        return next(iter(self._fields.get(name, ())), "").strip()

    def all(self, name: str) -> Sequence[str]:
        """Return every value of a field."""
        return self._fields.get(name, ())

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """Return a field that is a whole number.

        Raises:
            Problem: it is none, or out of range.
        """
        said = self.one(name)
        if not said:
            return default
        if not (said.isascii() and said.isdigit() and least <= int(said) <= most):
            raise Problem(
                422, "request_invalid", f"{name}: a whole number from {least} to {most}, please"
            )
        return int(said)


async def _form(request: Request) -> Form:
    body = await request.body()
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Problem(400, "bad_request", "that is not what a form of this server sends") from error
    return Form(fields)


FormBody = Annotated[Form, Depends(_form)]
