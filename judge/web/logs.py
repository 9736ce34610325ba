"""What a service logs: one line an event, with no text of a record and no key in it."""

import json
import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO, TypeAlias

HIDDEN = "***"

_ErrorInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)
# Keys to this service and to the usual endpoints, and whatever is sent as one.
_KEYS = re.compile(
    r"jk_[0-9a-f]{4,}_[\w-]+|\bsk-[\w-]{8,}|(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|(?i:judge_session=)[\w-]+|(?<=/enter/)[\w-]{8,}|(?<=://)[^/\s:@\"]*:[^/\s@\"]+(?=@)"
)
_SHORTEST = 8
"""Shorter secrets are placeholders, and stand in ordinary words."""
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


class ServiceLines(logging.Formatter):
    """Writes an event as a line of JSON, or as words.

    Of an exception it says the type and the places, and not the words: they may quote a record.
    Secrets are taken out of every line, whoever wrote it.

    Args:
        as_json: whether a line is JSON.
        secrets: texts that stand in no line.
    """

    def __init__(self, *, as_json: bool, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._as_json = as_json
        known = {one for one in secrets if len(one) >= _SHORTEST}
        # A secret with a quote in it is written otherwise in JSON.
        spelt = known | {json.dumps(one)[1:-1] for one in known}
        self._secrets = sorted(spelt, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return an event as one line."""
        error = self.formatException(record.exc_info) if record.exc_info else ""
        words = _words(record)
        if not self._as_json:
            return self._hide(f"judge: {words}" + (f"\n{error}" if error else ""))
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": words,
            **{name: value for name, value in record.__dict__.items() if name not in _OWN},
        }
        if error:
            line["error"] = error
        return self._hide(json.dumps(line, default=lambda value: type(value).__name__))

    def formatException(self, ei: _ErrorInfo) -> str:  # noqa: N802 - logging calls it so
        """Return the types and places of an exception and its causes."""
        return _where(ei[1]).rstrip()

    def _hide(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return _KEYS.sub(HIDDEN, line)


@contextmanager
def service_logs(stream: TextIO, *, as_json: bool, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Log to a stream while the block runs, and nowhere else; then as before.

    As JSON there is a line for every request and every state of a job; in words there are
    warnings and errors.

    Args:
        stream: where to.
        as_json: whether a line is JSON.
        secrets: texts that stand in no line.
    """
    root, own = logging.getLogger(), logging.getLogger("judge")
    before = (root.handlers[:], root.level, own.level)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ServiceLines(as_json=as_json, secrets=secrets))
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    own.setLevel(logging.INFO if as_json else logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:], root.level, own.level = before[0], before[1], before[2]


def _words(record: logging.LogRecord) -> str:
    """Return the words of an event; of an exception in them its type alone."""
    if not record.args or not isinstance(record.args, tuple):
        return record.getMessage()
    known = tuple(
        type(one).__qualname__ if isinstance(one, BaseException) else one for one in record.args
    )
    return str(record.msg) % known


def _where(error: BaseException | None) -> str:
    if error is None:
        return ""
    frames = "".join(
        f"{frame.filename}:{frame.lineno} {frame.name}\n"
        for frame in traceback.extract_tb(error.__traceback__)
    )
    return f"{_where(error.__cause__ or error.__context__)}{frames}{type(error).__qualname__}\n"
