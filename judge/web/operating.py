"""What keeps a service running: is it alive, is it ready, what does it count, who did what."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from judge.web.access import Caller, Role, needs, public
from judge.web.server import Server

router = APIRouter(tags=["operating"])


@router.get("/healthz")
@public
async def healthz() -> Mapping[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "it is not; it may be soon"}})
@public
def readyz(request: Request) -> Response:
    """Say whether jobs are run and results can be kept."""
    server: Server = request.app.state.server
    if server.is_ready:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "not ready"}, status_code=503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request, caller: Annotated[Caller, needs(Role.READ)]) -> Response:
    """Return what is counted, in the text format of Prometheus."""
    del caller
    server: Server = request.app.state.server
    return Response(server.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/v1/audit")
def audit(
    request: Request,
    caller: Annotated[Caller, needs(Role.ADMIN)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, object]]:
    """Return who did what in the workspace, newest first."""
    server: Server = request.app.state.server
    return [
        {
            "at": one.at,
            "who": one.who,
            "what": one.what,
            "about": one.about,
            "details": dict(one.details),
        }
        for one in server.store.service.audit(workspace=caller.workspace, limit=limit)
    ]
