"""The app: every route, behind the guard, with its permission declared."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.datastructures import Headers

from judge.web import jobs, labelling, operating, ratings, runs, scoring, validations
from judge.web.access import caller_of, public, refuse_undeclared
from judge.web.described import describe
from judge.web.guard import Guard
from judge.web.pages import (
    audit_page,
    entering,
    examples_page,
    frame,
    history_page,
    jobs_page,
    keys_page,
    labelling_page,
    settings_page,
    validation_page,
)
from judge.web.problems import Problem, handle_errors
from judge.web.server import Server

_API = (jobs, runs, validations, ratings, scoring, operating)
# Labelling before jobs: what may be done to a job is a path of any name.
_PAGES = (
    *(frame, entering, labelling_page, jobs_page, examples_page, validation_page, history_page),
    *(keys_page, audit_page, settings_page),
)


def create_app(server: Server) -> FastAPI:
    """Return the service.

    Raises:
        AssertionError: a route does not say who may use it.
    """
    app = FastAPI(
        title="judge",
        version=version("judge"),
        description="Scores what student models wrote, and believes no judge that was not "
        "measured against people.",
        openapi_url=None,  # a route of our own says who may read it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.server = server
    for part in (*_API, *_PAGES):
        app.include_router(part.router)
    app.include_router(labelling.assets)

    @app.get("/openapi.json", include_in_schema=False)
    @public
    def openapi() -> dict[str, object]:
        return app.openapi()

    describe(app)
    handle_errors(app, told=entering.told)
    refuse_undeclared(app)

    def knows(headers: Headers) -> bool:
        return caller_of(headers, keys=server.keys, links=server.links) is not None

    def limited(headers: Headers) -> Problem | None:
        caller = caller_of(headers, keys=server.keys, links=server.links)
        return None if caller is None else server.limits.refusal(caller)

    app.add_middleware(
        Guard,
        hosts=server.hosts,
        knows=knows,
        metrics=server.metrics,
        doors={entering.DOOR},
        limited=limited,
    )
    return app
