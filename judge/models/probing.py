"""Which form of reply an endpoint can be held to, found out by asking."""

import re
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import msgspec

from judge.errors import (
    AccessDenied,
    InputTooLong,
    JudgeRejected,
    JudgeTruncated,
    JudgeUnparseable,
)
from judge.models.chat import ChatCall, Completion, Message, ReplyFormat, Sampling

Ask: TypeAlias = Callable[[ReplyFormat], Awaitable[Completion]]

_BEST_FIRST = (ReplyFormat.JSON_SCHEMA, ReplyFormat.JSON_OBJECT, ReplyFormat.TEXT)
_SCHEMA = (
    '{"type":"object","properties":{"verdict":{"type":"string","enum":["yes","no"]}},'
    '"required":["verdict"],"additionalProperties":false}'
)
_QUESTION = "Is seven greater than three?"
_FORM = 'Answer with a JSON object and nothing else: {"verdict": "yes"} or {"verdict": "no"}.'
# How endpoints speak of a form that they do not know.
_ABOUT_THE_FORM = re.compile(
    r"response_?format|json_?(schema|object|mode)|structured.?output|guided|grammar|schema",
    re.IGNORECASE,
)
_CUT = frozenset({"length", "max_tokens"})


class _Verdict(msgspec.Struct, forbid_unknown_fields=True):
    verdict: Literal["yes", "no"]


def probe_call(reply_format: ReplyFormat, *, sampling: Sampling) -> ChatCall:
    """Return the small question that shows whether a form of reply is kept to.

    With a schema the form is not put in words too: an endpoint that takes a schema and passes it
    over is found out by what its model then writes.
    """
    question = _QUESTION
    if reply_format is not ReplyFormat.JSON_SCHEMA:
        question = f"{_QUESTION} {_FORM}"
    return ChatCall(
        call_id=f"probe/{reply_format.value}",
        messages=(Message(role="user", content=question),),
        sampling=sampling,
        reply_schema=_SCHEMA,
    )


async def probe_reply_format(ask: Ask) -> ReplyFormat:
    """Return the strictest form of reply that an endpoint keeps to.

    Args:
        ask: asks `probe_call` of a model that asks for that form, a small paid call each.

    Raises:
        JudgeUnparseable: it keeps to none.
        JudgeTruncated: its reply was cut, so that nobody can tell.
        ScoringError: it could not be asked.
    """
    why: list[str] = []
    for reply_format in _BEST_FIRST:
        try:
            completion = await ask(reply_format)
        except (AccessDenied, InputTooLong):
            raise
        except JudgeRejected as error:
            if not _ABOUT_THE_FORM.search(str(error)):
                raise
            why.append(f"{reply_format.value}: {error}")
            continue
        if completion.finish_reason in _CUT:
            raise JudgeTruncated(
                "the reply to a question that asks for one word was cut: raise the max_tokens"
            )
        if _is_of_the_schema(completion.text):
            return reply_format
        why.append(f"{reply_format.value}: the reply was no JSON of the schema")
    raise JudgeUnparseable(f"the judge keeps to no form of reply ({'; '.join(why)})")


def _is_of_the_schema(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=_Verdict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
