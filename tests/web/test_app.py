import json
import os
from pathlib import Path

import pytest
from fastapi import FastAPI

from judge.web.access import refuse_undeclared
from tests.web.conftest import Live

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "openapi.json"


def test_a_route_that_does_not_say_who_may_use_it_keeps_the_service_from_starting() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/open")
    def forgotten() -> str:
        return ""

    with pytest.raises(AssertionError, match="/open"):
        refuse_undeclared(app)


def test_the_api_is_the_one_that_is_written_down(service: Live) -> None:
    found = service.http(anonymous=True).get("/openapi.json").json()

    found["info"]["version"] = "x"
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    if os.environ.get("REFRESH_SNAPSHOTS"):
        SNAPSHOT.write_text(text)
    assert found["openapi"].startswith("3.1")
    assert text == SNAPSHOT.read_text()


def test_pages_are_no_part_of_the_api(service: Live) -> None:
    found = service.http(anonymous=True).get("/openapi.json").json()

    assert all(
        path.startswith(("/v1/", "/healthz", "/readyz", "/metrics")) for path in found["paths"]
    )
