"""Whatever is asked of the service, it answers as its description says, and never breaks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import BaseSchema, Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from judge.web.access import Role
from tests.web.conftest import FILES, Live, config_of, live

DOCUMENT = json.loads((Path(__file__).parents[1] / "snapshots" / "openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
]
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@dataclass(frozen=True)
class Known:
    """A service with a job that is over."""

    service: Live
    key: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """Run a service with a job that is over."""
    with live(tmp_path_factory.mktemp("described")) as service:
        client = service.client()
        job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
        ids = {"job_id": job.job_id, "run_id": job.run_id, "validation_id": "validation-0"}
        yield Known(service, service.key(), ids)


@pytest.fixture(scope="module")
def described(known: Known) -> BaseSchema:
    """Read the service's description of itself."""
    return schemathesis.openapi.from_url(f"{known.service.address}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_is_described(
    known: Known, described: BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {known.key}"}

    @SETTINGS
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:  # type: ignore[type-arg]  # generic in name only
        case.call_and_validate(headers=headers, checks=CHECKS)
        if method == "GET" and case.path_parameters:
            mine = {name: known.ids[name] for name in case.path_parameters}
            case.path_parameters.update(mine)
            case.call_and_validate(headers=headers, checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # there is nothing to get wrong


def test_the_description_says_who_may_ask(known: Known) -> None:
    found = known.service.http(anonymous=True).get("/openapi.json").json()

    operations = {
        (method.upper(), path): one
        for path, methods in found["paths"].items()
        for method, one in methods.items()
    }
    assert operations["POST", "/v1/jobs"]["x-role"] == Role.SUBMIT
    assert operations["DELETE", "/v1/jobs/{job_id}"]["x-role"] == Role.ADMIN
    assert "security" not in operations["GET", "/healthz"]
    assert all(("401" in one["responses"]) == ("security" in one) for one in operations.values())
