"""Five schemas as people write them for extraction, and seeded outputs, some of them broken."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Value: TypeAlias = Any  # a JSON value that is taken apart by hand

_ADDRESS = {
    "type": "object",
    "required": ["name", "street", "city", "country"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 120},
        "street": {"type": "string"},
        "city": {"type": "string"},
        "postcode": {"type": ["string", "null"], "maxLength": 12},
        "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
    },
}
INVOICE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["number", "issued", "currency", "seller", "buyer", "lines", "total"],
    "additionalProperties": False,
    "properties": {
        "number": {"type": "string", "pattern": "^INV-[0-9]{4,8}$"},
        "issued": {"type": "string", "format": "date"},
        "currency": {"enum": ["EUR", "USD", "GBP", "CHF"]},
        "seller": {"$ref": "#/$defs/party"},
        "buyer": {"$ref": "#/$defs/party"},
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["text", "quantity", "price"],
                "additionalProperties": False,
                "properties": {
                    "text": {"type": "string", "minLength": 1},
                    "quantity": {"type": "integer", "minimum": 1},
                    "price": {"type": "number", "minimum": 0},
                },
            },
        },
        "total": {"type": "number", "minimum": 0},
    },
    "$defs": {"party": _ADDRESS},
}
TICKET = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["category", "urgency", "summary"],
    "additionalProperties": False,
    "properties": {
        "category": {"type": "string", "enum": ["billing", "delivery", "defect", "account"]},
        "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
        "summary": {"type": "string", "minLength": 10, "maxLength": 300},
        "sentiment": {"type": "number", "minimum": -1, "maximum": 1},
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "uniqueItems": True,
            "maxItems": 8,
        },
    },
}
CALLS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["name", "arguments"],
        "properties": {
            "name": {"enum": ["search", "book", "cancel"]},
            "arguments": {"type": "object"},
        },
        "oneOf": [
            {
                "properties": {
                    "name": {"const": "search"},
                    "arguments": {
                        "required": ["query"],
                        "properties": {
                            "query": {"type": "string"},
                            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
                        },
                    },
                }
            },
            {
                "properties": {
                    "name": {"const": "book"},
                    "arguments": {
                        "required": ["id", "seats"],
                        "properties": {
                            "id": {"type": "string"},
                            "seats": {"type": "integer", "minimum": 1},
                        },
                    },
                }
            },
            {
                "properties": {
                    "name": {"const": "cancel"},
                    "arguments": {"required": ["id"], "properties": {"id": {"type": "string"}}},
                }
            },
        ],
    },
}
# As Pydantic exports a model with optional fields, an enum and lists of other models.
CURRICULUM = {
    "$defs": {
        "Degree": {"enum": ["none", "bachelor", "master", "doctor"], "type": "string"},
        "Post": {
            "properties": {
                "employer": {"title": "Employer", "type": "string"},
                "title": {"title": "Title", "type": "string"},
                "start": {"pattern": "^[0-9]{4}-[0-9]{2}$", "title": "Start", "type": "string"},
                "end": {
                    "anyOf": [
                        {"pattern": "^[0-9]{4}-[0-9]{2}$", "type": "string"},
                        {"type": "null"},
                    ],
                    "default": None,
                    "title": "End",
                },
                "skills": {"items": {"type": "string"}, "title": "Skills", "type": "array"},
            },
            "required": ["employer", "title", "start"],
            "title": "Post",
            "type": "object",
        },
    },
    "additionalProperties": False,
    "properties": {
        "name": {"minLength": 1, "title": "Name", "type": "string"},
        "age": {
            "anyOf": [{"minimum": 16, "type": "integer"}, {"type": "null"}],
            "default": None,
            "title": "Age",
        },
        "degree": {"$ref": "#/$defs/Degree"},
        "posts": {"items": {"$ref": "#/$defs/Post"}, "title": "Posts", "type": "array"},
        "languages": {
            "additionalProperties": {"maximum": 5, "minimum": 1, "type": "integer"},
            "title": "Languages",
            "type": "object",
        },
    },
    "required": ["name", "degree", "posts"],
    "title": "Curriculum",
    "type": "object",
}
ENTITIES = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "type": "object",
    "required": ["entities"],
    "properties": {"entities": {"type": "array", "items": {"$ref": "#/$defs/entity"}}},
    "$defs": {
        "entity": {
            "type": "object",
            "required": ["text", "label", "start", "end"],
            "additionalProperties": False,
            "properties": {
                "text": {"type": "string", "minLength": 1},
                "label": {"enum": ["PER", "ORG", "LOC", "DATE"]},
                "start": {"type": "integer", "minimum": 0},
                "end": {"type": "integer", "minimum": 1},
            },
        }
    },
}


def _party(draw: random.Random) -> Value:
    return {
        "name": draw.choice(["Acme & Sons Ltd", "Müller Maschinenbau GmbH", "Rossi S.p.A."]),
        "street": f"{draw.randrange(1, 200)} Station Road",
        "city": draw.choice(["Leeds", "Ulm", "Torino"]),
        "postcode": draw.choice([None, "LS1 4DY", "89073"]),
        "country": draw.choice(["GB", "DE", "IT"]),
    }


def _invoice(draw: random.Random) -> Value:
    lines = [
        {
            "text": f"Bearing {draw.randrange(1000)}, sealed",
            "quantity": draw.randrange(1, 20),
            "price": round(draw.random() * 100, 2),
        }
        for _ in range(draw.randrange(1, 8))
    ]
    return {
        "number": f"INV-{draw.randrange(1000, 99999)}",
        "issued": f"2024-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
        "currency": draw.choice(["EUR", "USD"]),
        "seller": _party(draw),
        "buyer": _party(draw),
        "lines": lines,
        "total": round(draw.random() * 1000, 2),
    }


def _ticket(draw: random.Random) -> Value:
    return {
        "category": draw.choice(["billing", "defect"]),
        "urgency": draw.randrange(1, 6),
        "summary": "The parcel came late: it was opened, and a part is gone. "
        * draw.randrange(1, 4),
        "sentiment": round(draw.random() * 2 - 1, 3),
        "tags": draw.sample(["late", "open", "refund", "parcel"], 2),
    }


def _calls(draw: random.Random) -> Value:
    known: list[Value] = [
        {"name": "search", "arguments": {"query": "hotels in Rome: cheap", "limit": 5}},
        {"name": "book", "arguments": {"id": "H-77", "seats": 2}},
        {"name": "cancel", "arguments": {"id": "H-77"}},
    ]
    return json.loads(json.dumps(draw.choices(known, k=draw.randrange(1, 4))))


def _curriculum(draw: random.Random) -> Value:
    posts = [
        {
            "employer": "Analytical Engines",
            "title": "engineer",
            "start": f"{2000 + k}-03",
            "end": draw.choice([None, f"{2001 + k}-02"]),
            "skills": ["mathematics", "poetical science"],
        }
        for k in range(draw.randrange(1, 6))
    ]
    return {
        "name": "Ada Lovelace",
        "age": draw.choice([None, 36]),
        "degree": "none",
        "posts": posts,
        "languages": {"English": 5, "French": draw.randrange(1, 6)},
    }


def _entities(draw: random.Random) -> Value:
    found = [
        {
            "text": f"Name {k}",
            "label": draw.choice(["PER", "ORG"]),
            "start": 9 * k,
            "end": 9 * k + 6,
        }
        for k in range(draw.randrange(1, 12))
    ]
    return {"entities": found}


_MAKERS: Sequence[tuple[Value, Callable[[random.Random], Value]]] = (
    (INVOICE, _invoice),
    (TICKET, _ticket),
    (CALLS, _calls),
    (CURRICULUM, _curriculum),
    (ENTITIES, _entities),
)
SCHEMAS: Sequence[Value] = tuple(schema for schema, _ in _MAKERS)


def outputs(n: int, *, broken: float, seed: int = 7) -> list[tuple[int, str]]:
    """Return the place of a schema in `SCHEMAS` and an output, n times.

    Two thirds of the broken ones are JSON with one value changed, left out or added; the others
    are fenced, cut off, surrounded by prose, or have a comma too many.
    """
    draw = random.Random(seed)  # noqa: S311 - outputs to measure with, no secrets
    made = []
    for k in range(n):
        _, make = _MAKERS[k % len(_MAKERS)]
        value, luck = make(draw), draw.random()
        if luck < broken * 2 / 3:
            _spoil_value(draw, value)
        text = json.dumps(value, indent=draw.choice([None, None, 2]), ensure_ascii=False)
        if broken * 2 / 3 <= luck < broken:
            text = _spoiled_text(draw, text)
        made.append((k % len(_MAKERS), text))
    return made


def _spoil_value(draw: random.Random, value: Value) -> None:
    objects = list(_objects(value))
    chosen = draw.choice(objects)
    name = draw.choice(list(chosen))
    match draw.randrange(4):
        case 0:
            del chosen[name]
        case 1:
            chosen["note"] = "added"
        case 2:
            chosen[name] = {"value": str(chosen[name])}
        case _:
            chosen[name] = -1 if isinstance(chosen[name], int | float) else "?"


def _objects(value: Value) -> list[dict[str, Value]]:
    inside = list(value.values()) if isinstance(value, dict) else value
    own = [value] if isinstance(value, dict) else []
    return own + [
        found for part in inside if isinstance(part, dict | list) for found in _objects(part)
    ]


def _spoiled_text(draw: random.Random, text: str) -> str:
    match draw.randrange(4):
        case 0:
            return f"```json\n{text}\n```"
        case 1:
            return f"{text[:-1]},{text[-1]}"
        case 2:
            return text[: len(text) * 3 // 4]
        case _:
            return f"Here is the JSON you asked for:\n\n{text}\n\nTell me if you need more."
