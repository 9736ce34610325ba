import io
import json
import logging
import sys
from pathlib import Path

import pytest

from judge.client import Client, ServiceError
from judge.testing import Answer, FakeEndpoint, Received
from judge.web.logs import HIDDEN, ServiceLines, service_logs
from tests.web.conftest import FILES, Live, config_of, live

TEXT = "Mrs Olbricht's blood group is AB"
ENDPOINT_KEY = 'sk-never"to be seen/0123'


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_request_and_every_state_of_a_job_is_one_line_of_json(tmp_path: Path) -> None:
    stream = io.StringIO()
    with service_logs(stream, as_json=True), live(tmp_path) as service:
        client = service.client()
        job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
        key_id = service.server.store.service.key_rows()[-1].key_id

    lines = _lines(stream)
    submitted = next(one for one in lines if one.get("method") == "POST")
    assert (submitted["route"], submitted["status"]) == ("/v1/jobs", 201)
    assert submitted["key"] == key_id
    assert {"at", "level", "logger", "event", "seconds"} <= set(submitted)
    asked = next(one for one in lines if one.get("route") == "/v1/jobs/{job_id}")
    assert asked["job_id"] == job.job_id
    of_job = [one for one in lines if str(one["event"]).startswith("job ")]
    assert [(one["event"], one["state"]) for one in of_job] == [
        ("job begins", "running"),
        ("job over", "finished"),
    ]
    assert {one["job_id"] for one in of_job} == {job.job_id}


@pytest.mark.parametrize("as_json", [True, False])
def test_no_line_holds_a_text_or_a_key_whatever_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    monkeypatch.setenv("FAKE_KEY", ENDPOINT_KEY)
    stream = io.StringIO()
    with (
        FakeEndpoint(_echo) as endpoint,
        service_logs(stream, as_json=as_json, secrets=[ENDPOINT_KEY]),
        live(tmp_path, endpoint) as service,
    ):
        key = service.key()
        link = service.server.links.new_link()
        with Client(service.address, key=key) as client:
            _everything_goes_wrong(service, client, endpoint, monkeypatch)
        http = service.http(anonymous=True)
        http.get(f"/enter/{link}")
        http.get(f"/enter/{TEXT}")
        http.get(f"/{TEXT}", headers={"Authorization": f"Bearer {key}"})
        logging.getLogger("some.library").error("sent Authorization: Bearer %s", key)
        logging.getLogger("other").warning("asked with %s", ENDPOINT_KEY)

    lines = stream.getvalue().splitlines()
    assert any("incident" in line for line in lines)
    assert any(HIDDEN in line for line in lines)
    parts = [TEXT, "Olbricht", "blood group", key, key.split("_", 2)[2], link, ENDPOINT_KEY]
    parts += [json.dumps(ENDPOINT_KEY)[1:-1], "never", "It is 3"]
    assert [(part, line) for line in lines for part in parts if part in line] == []


def _echo(asked: Received) -> Answer:
    """Answer as a proxy does that tells all it was told."""
    said = asked.content.decode() + json.dumps(dict(asked.headers))
    return Answer(status=401, body={"error": {"message": said}})


def _everything_goes_wrong(
    service: Live, client: Client, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: text.replace("What is 3?", TEXT) for name, text in FILES.items()}
    client.wait(client.submit(config=config_of(endpoint), files=files).job_id)
    with pytest.raises(ServiceError):
        client.submit(config=config_of(None) + TEXT, files=files)
    service.http().post("/v1/jobs", content=f'{{"config": "{TEXT}'.encode())

    def broken(*_: object) -> None:
        raise RuntimeError(TEXT)

    monkeypatch.setattr("judge.web.submitting.Job", broken)
    with pytest.raises(ServiceError, match="incident"):
        client.submit(config=config_of(None), files=files)
    monkeypatch.undo()


def test_of_an_exception_a_line_tells_types_and_places_and_no_words() -> None:
    error = KeyError(TEXT)
    error.__cause__ = ValueError(TEXT)
    try:
        raise error
    except KeyError:
        told = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it broke", (), told)

    line = json.loads(ServiceLines(as_json=True).format(record))

    assert TEXT not in str(line)
    assert "ValueError" in line["error"]
    assert line["error"].endswith("KeyError")
    assert "test_logs.py" in line["error"]


@pytest.mark.parametrize(
    "words",
    [
        "jk_0123456789ab_abcdefgh",
        "Bearer abcdefgh.ijkl",
        "sk-proj-0123456789",
        "judge_session=abcdefgh",
        "postgresql://user:pass-word@host/db",
        "GET /enter/abcdefgh",
    ],
)
def test_what_looks_like_a_key_is_hidden_wherever_it_comes_from(words: str) -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "said %s twice", (words,), None)

    line = ServiceLines(as_json=True).format(record)

    assert HIDDEN in line
    assert not any(part in line for part in ("abcdefgh", "0123456789", "pass-word"))


def test_after_a_service_everything_is_logged_as_before() -> None:
    root, own = logging.getLogger(), logging.getLogger("judge")
    before = (root.handlers[:], root.level, own.level)

    with service_logs(io.StringIO(), as_json=True):
        pass

    assert (root.handlers[:], root.level, own.level) == before
