"""Serving an app until somebody ends it."""

import signal
import socket
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

_LAST_ANSWERS_S = 10


def listen(app: "FastAPI", listening: socket.socket, *, behind_proxy: bool = False) -> None:
    """Serve until Ctrl-C or a signal to end; what is being answered then is answered."""
    import uvicorn

    from judge.web.patience import PatientProtocol

    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
    # uvicorn ends at a signal and then raises it again: here that is no more than the end.
    ends = {one: signal.signal(one, _ignore) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        for number, handler in ends.items():
            signal.signal(number, handler)
        listening.close()


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame
