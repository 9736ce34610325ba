"""The service's description of itself: OpenAPI 3.1, with each refusal and who may ask."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from judge.web.access import all_routes, permission_of
from judge.web.problems import PROBLEM_JSON

_Object = dict[str, Any]

_KEY = "key"
_PROBLEM: _Object = {
    "title": "Problem",
    "description": "Why a request is refused (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "names the reason; it does not change"},
        "detail": {"type": "string", "description": "says it, and the remedy, for a person"},
    },
}
_ANY = {
    400: "it is no request that can be read",
    408: "it took too long to arrive",
    413: "its body is too large",
    415: "its body is compressed",
    421: "this server does not go by that name",
}
_WITH_KEY = {
    401: "there is no key, or none that opens anything",
    403: "the key has not the role, or a page of another origin asks",
    422: "what is asked cannot be done; the code says why",
    429: "the key asks too often; Retry-After says when to ask again",
}
_OF_SOMETHING = {404: "there is no such thing here"}
_WRITES = {404: "there is no such thing here", 409: "it does not fit what there is; see the code"}


def describe(app: FastAPI) -> None:
    """Have an app describe its refusals and its keys beside what its routes say."""
    document: Mapping[str, _Object] = app.openapi()
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    document["components"]["securitySchemes"] = {
        _KEY: {"type": "http", "scheme": "bearer", "description": "made with: judge keys create"}
    }
    for route in _described(app):
        for method in route.methods or ():
            operation = document["paths"][route.path_format][method.lower()]
            _describe(operation, route, method)


def _described(app: FastAPI) -> Iterator[APIRoute]:
    for route in all_routes(app.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def _describe(operation: _Object, route: APIRoute, method: str) -> None:
    operation["responses"].pop("422", None)
    refusals = dict(_ANY)
    if (role := permission_of(route)) is not None:
        operation["security"] = [{_KEY: []}]
        operation["x-role"] = role.value
        refusals |= _WITH_KEY
    if "{" in route.path_format or "job_id" in {one.name for one in route.dependant.query_params}:
        refusals |= _OF_SOMETHING
    if method != "GET":
        refusals |= _WRITES
    for status, words in refusals.items():
        operation["responses"].setdefault(
            str(status),
            {
                "description": words,
                "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
