import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import uvicorn

from judge.client import Client
from judge.web.access import Role
from judge.web.app import create_app
from judge.web.server import LOOPBACK, bound_socket, serving
from judge.wiring.serving import ServerRules, open_job
from judge.wiring.store import open_store


@pytest.fixture
def service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A service that runs; a key to it is in the environment."""
    rules = ServerRules(folder=folder / "there" / "service", endpoints={}, connections=4)
    with open_store(str(folder / "there" / "judge.sqlite")) as store:
        opener = partial(open_job, rules, store)
        with serving(store, rules, opener, hosts=frozenset(LOOPBACK)) as server:
            _, key = server.keys.create(name="x", workspace="w", roles=list(Role))
            monkeypatch.setenv("JUDGE_KEY", key)
            listening = bound_socket("127.0.0.1", 0)
            config = uvicorn.Config(create_app(server), log_config=None, lifespan="off")
            running = uvicorn.Server(config)
            thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                running.should_exit = True
                thread.join()
                listening.close()


@pytest.fixture
def job(folder: Path, write_set: Callable[..., None]) -> Path:
    """A config that needs no endpoint, with its files."""
    write_set()
    config = folder / "judge.yaml"
    text = config.read_text().split("scorers:")[0]
    config.write_text(f"{text}scorers:\n  adherence: {{schema: answer.schema.json}}\n")
    return config


def test_a_job_is_submitted_followed_and_its_report_fetched(
    judge: Callable[..., CompletedProcess[str]], service: str, job: Path, folder: Path
) -> None:
    submitted = judge("submit", str(job), "--server", service, "--wait")
    job_id = submitted.stdout.split()[0]
    status = judge("status", job_id, "--server", service)
    fetched = judge("fetch", job_id, "--server", service, "-o", "report.json")

    assert submitted.returncode == status.returncode == fetched.returncode == 0
    assert "finished  12 of 12  small" in status.stdout
    assert json.loads((folder / "report.json").read_text())["run"]["name"] == "small"


def test_a_key_that_is_missing_or_wrong_is_said_and_not_shown(
    judge: Callable[..., CompletedProcess[str]],
    service: str,
    job: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "jk_wrong_key")
    wrong = judge("submit", str(job), "--server", service)
    monkeypatch.delenv("JUDGE_KEY")
    missing = judge("submit", str(job), "--server", service)

    assert "send a key" in wrong.stderr
    assert "jk_wrong_key" not in wrong.stderr
    assert "set JUDGE_KEY" in missing.stderr
    assert wrong.returncode == missing.returncode == 2


def test_schemas_in_a_folder_that_rows_name_go_with_their_job(
    judge: Callable[..., CompletedProcess[str]], service: str, job: Path, folder: Path
) -> None:
    config = job.read_text()
    (folder / "schemas").mkdir()
    (folder / "answer.schema.json").rename(folder / "schemas" / "answer.json")
    job.write_text(config.replace("{schema: answer.schema.json}", "{}"))
    items = folder / "items.jsonl"
    rows = [json.loads(line) for line in items.read_text().splitlines()]
    told = ({**row, "schema": "schemas/answer.json"} for row in rows)
    items.write_text("".join(json.dumps(row) + "\n" for row in told))

    submitted = judge("submit", str(job), "--server", service, "--wait")

    assert "finished  12 of 12" in submitted.stdout, submitted.stderr


def test_no_row_has_a_file_outside_of_the_folders_beside_a_config_sent(
    judge: Callable[..., CompletedProcess[str]],
    job: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "schemas").mkdir()
    (folder.parent / "secret.txt").write_text("hunter2")
    with (folder / "items.jsonl").open("a") as items:
        items.write(json.dumps({"id": "x", "schema": "schemas/../../secret.txt"}) + "\n")
    sent: dict[str, str] = {}

    def keep(_: Client, *, files: dict[str, str], **__: object) -> None:
        sent.update(files)

    monkeypatch.setattr(Client, "submit", keep)
    with Client("http://127.0.0.1:9", key="jk_none") as client:
        client.submit_files(job)

    assert "items.jsonl" in sent
    assert "hunter2" not in sent.values()
