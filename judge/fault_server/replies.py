"""A reply of the asked form to any question, the same one each time it is asked."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from random import Random

from judge.fault_server.bodies import verdict
from judge.fault_server.exchange import Received

_LABELS = ("different", "equivalent")
_LARGEST = 5


def seeded_reply(received: Received, question: str, *, labels: Sequence[str] = _LABELS) -> str:
    """Return a reply that fits the schema the request asks for.

    Args:
        received: the request.
        question: what is asked; the same question gets the same reply, which names it, so that
            an answer to another question is known for one.
        labels: one of them is the verdict, where the request names no schema.
    """
    draw = Random(int.from_bytes(hashlib.blake2b(question.encode(), digest_size=8).digest()))  # noqa: S311 - no secret
    schema = _part(_part(_part(received.body, "response_format"), "json_schema"), "schema")
    if schema:
        return json.dumps(_instance(schema, draw, f"About {question}."))
    return verdict(draw.choice(labels), f"About {question}.")


def _part(whole: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _instance(schema: Mapping[str, object], draw: Random, text: str) -> object:
    """Return something a schema accepts, as far as the schemas of prompts go."""
    options = schema.get("enum")
    if isinstance(options, list):
        return draw.choice(options)
    match schema.get("type"):
        case "object":
            parts = _part(schema, "properties")
            return {name: _instance(_part(parts, name), draw, text) for name in parts}
        case "array":
            length = schema.get("minItems")
            return [
                _instance(_part(schema, "items"), draw, text)
                for _ in range(length if isinstance(length, int) else 1)
            ]
        case "integer" | "number":
            low, high = schema.get("minimum"), schema.get("maximum")
            return draw.randint(
                int(low) if isinstance(low, int | float) else 0,
                int(high) if isinstance(high, int | float) else _LARGEST,
            )
        case "boolean":
            return draw.random() < 0.5  # noqa: PLR2004 - a fair coin
        case _:
            return text
