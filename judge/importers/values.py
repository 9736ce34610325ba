"""Parts of JSON values by their kind; of another kind they are empty."""

from judge.records.strict_json import JsonObject, JsonValue


def object_of(value: JsonValue) -> JsonObject:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: JsonValue) -> list[JsonValue]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def objects_of(value: JsonValue) -> list[JsonObject]:
    """Return those members of a list that are objects."""
    return [one for one in list_of(value) if isinstance(one, dict)]


def text_of(value: JsonValue) -> str:
    """Return a text; an empty one for anything else."""
    return value if isinstance(value, str) else ""
