"""Texts out of what tools put in their place: chats, single-valued objects, written-out values."""

import ast

from judge.errors import DataError
from judge.importers.columns import column_for
from judge.importers.documents import parse
from judge.importers.imported import answer_texts
from judge.records.strict_json import MAX_DEPTH, JsonValue, dump_json

_MOST_WRITTEN_OUT = 1 << 16  # characters of a written-out value that are read again


def input_text(value: JsonValue) -> str:  # noqa: PLR0911 - a return for each kind
    """Return what a system was asked as one text.

    A chat of one message is that message, a longer one has its roles before its messages. An
    object of one value, or with one that is called like an input, is that value; another one is
    its JSON.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if is_chat(value):
        return _chat(value)
    if isinstance(value, dict):
        if is_chat(value.get("messages")):
            return input_text(value["messages"])
        if len(value) == 1:
            return input_text(next(iter(value.values())))
        if (column := column_for("input", value)) is not None and isinstance(value[column], str):
            return input_text(value[column])
    return dump_json(value)


def asked_text(value: JsonValue) -> str:
    """Return what a system was asked, where a text may write out a chat or a request with one."""
    found = written_out(value)
    sent = is_chat(found) or (isinstance(found, dict) and is_chat(found.get("messages")))
    return input_text(found if sent else value)


def output_text(value: JsonValue) -> str | None:  # noqa: PLR0911 - a return for each kind
    """Return what a system answered as the raw text; None for no answer.

    A chat is its last message; what an endpoint for chats returns is the text of its first choice.
    An object that is none of these is its JSON.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and is_chat(value):
        last = value[-1]
        return _content(last.get("content")) if isinstance(last, dict) else None
    if isinstance(value, dict):
        choices = value.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            message = choices[0].get("message")
            return _content(message.get("content")) if isinstance(message, dict) else None
        if is_chat(value.get("messages")):
            return output_text(value["messages"])
        if set(value) & {"content"} and set(value) <= {"content", "role"}:
            return _content(value["content"])
        if len(value) == 1 and (name := column_for("output", value)) is not None:
            return output_text(value[name])
    return dump_json(value)


def answered_text(value: JsonValue) -> str | None:
    """Return what a system answered, where a text may write out a chat or an endpoint's reply.

    Whatever else a text writes out is that text: a system may have been asked for JSON.
    """
    found = written_out(value)
    replied = isinstance(found, dict) and ("choices" in found or is_chat(found.get("messages")))
    return output_text(found if replied or is_chat(found) else value)


def reference_texts(value: JsonValue) -> tuple[str, ...]:
    """Return right answers, where an object may hold them under one name or under a known one."""
    found = written_out(value)
    if isinstance(found, dict):
        if len(found) == 1:
            return answer_texts(next(iter(found.values())))
        if (column := column_for("reference", found)) is not None:
            return answer_texts(found[column])
        return answer_texts(found) if found else ()
    return answer_texts(value if isinstance(value, str) else found)


def is_chat(value: JsonValue) -> bool:
    """Whether a value is a list of messages, each with a role."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in value)
    )


def written_out(value: JsonValue) -> JsonValue:
    """Return the object or list that a text writes out, in JSON or as Python; else the value.

    CSV files have only text: tools write their objects into cells.
    """
    if not isinstance(value, str) or len(value) > _MOST_WRITTEN_OUT:
        return value
    text = value.strip()
    if not (text.startswith(("{", "[")) and text.endswith(("}", "]"))):
        return value
    try:
        return parse(text.encode("utf-8", "surrogatepass"), place="")
    except DataError:
        pass
    if text.count("[") + text.count("{") + text.count("(") > MAX_DEPTH * 16:
        return value
    try:
        read = ast.literal_eval(text)
        dump_json(read)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return value
    return read if isinstance(read, dict | list) else value


def _chat(messages: JsonValue) -> str:
    if not isinstance(messages, list):
        return ""
    found = [
        (str(one.get("role")), _content(one.get("content")) or "")
        for one in messages
        if isinstance(one, dict)
    ]
    if len(found) == 1:
        return found[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in found)


def _content(value: JsonValue) -> str | None:
    """Return the text of a message, whose content may stand in parts; parts of no text are cut."""
    if isinstance(value, list):
        texts = [
            part if isinstance(part, str) else part.get("text")
            for part in value
            if isinstance(part, str | dict)
        ]
        return "\n".join(text for text in texts if isinstance(text, str))
    return value if isinstance(value, str) else None
