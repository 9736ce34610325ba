"""A service from its first start to its last answer, with real processes and a real browser."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from judge.client import Client
from judge.shipped import shipped

PATIENCE_MS = 60_000
"""An embedding model is loaded on the way, on a machine that may be busy."""
N_DRAWN, N_LABELS = 20, 10
CONFIG = shipped("human_labels/demo/judge.yaml")
ALL_ROLES = [part for role in ("submit", "read", "label", "admin") for part in ("--role", role)]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "judge", *arguments]


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """What a bare machine knows: no key, no store."""
    root = str(Path(__file__).parents[2])
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": root, "NO_COLOR": "1", "TMPDIR": str(tmp_path)}


@pytest.fixture
def address(tmp_path: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Start a service in an empty folder; yield where it listens."""
    with subprocess.Popen(
        _command("serve", "--port", "0", "--root", str(CONFIG.parent)),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            said = next(line for line in process.stdout if "serving on" in line)
            yield re.findall(r"http://[\d.:]+\d", said)[0]
        finally:
            process.terminate()
            process.stdout.read()
    assert process.returncode == 0


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that asks nobody else and complains of nothing."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    found, wrong = context.new_page(), list[str]()
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on(
        "request",
        lambda request: None if request.url.startswith(address) else wrong.append(request.url),
    )
    yield found
    context.close()
    assert wrong == []


def test_an_empty_folder_becomes_a_service_with_a_job_labels_and_a_measured_judge(
    tmp_path: Path, environment: Mapping[str, str], address: str, page: Page
) -> None:
    made = subprocess.run(
        _command("keys", "create", "ann", *ALL_ROLES),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    key = made.stdout.strip()
    n_items = len((CONFIG.parent / "items.jsonl").read_text().splitlines())

    with Client(address, key=key) as client:
        job = client.submit(config_path=str(CONFIG), idempotency_key="first")
        events = list(_events(address, key, job.job_id))
        job = client.job(job.job_id)
        assert (job.state, events[-1]["state"]) == ("finished", "finished")
        assert job.done == job.total == events[-1]["done"]

        _come_in(page, address, key)
        page.get_by_role("link", name="demo").first.click()
        page.get_by_role("link", name="Read the report").click()
        # The judge that comes with the example was measured on labels nobody was hired for.
        expect(page.locator("body")).to_contain_text("withheld")
        _label(page, address, job.job_id)
        labels = [one for one in client.ratings(job.job_id) if one["rater"] == "ann"]
        assert len(labels) == N_LABELS

        measured = client.validate(job_id=job.job_id)
        client.wait(measured.job_id)
        found: Any = client.validation(measured.job_id)
        assert found.state == "finished"
        assert found.result["certificate"]["standing"] != "trusted"

        results = list(client.results(job.job_id))
        report = json.loads(client.report(job.run_id))
    assert len(results) == job.total
    assert len({one["id"] for one in results}) == n_items
    assert (report["run"]["run_id"], report["run"]["n_items"]) == (job.run_id, n_items)


def _events(address: str, key: str, job_id: str) -> Iterator[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"}
    with (
        httpx2.Client(base_url=address, headers=headers, trust_env=False, timeout=60) as http,
        http.stream("GET", f"/v1/jobs/{job_id}/events") as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def _come_in(page: Page, address: str, key: str) -> None:
    page.goto(address)
    page.get_by_label("Your key").fill(key)
    page.get_by_role("button", name="Come in").click()
    page.wait_for_load_state()


def _label(page: Page, address: str, job_id: str) -> None:
    """Ask for labels on the page of a job, and give ten of them by keys."""
    page.goto(f"{address}/jobs/{job_id}")
    page.get_by_text("Ask for labels").click()
    page.locator("input[name=labels]").fill(str(N_DRAWN))
    page.locator("input[name=overlap]").fill("0")
    page.locator("form[action$='/labelling'] button").click()
    page.get_by_role("link", name="Label", exact=True).click()
    expect(page.locator("#progress")).to_contain_text("; 0 done")
    drawn = page.locator("#progress").inner_text().partition(" of ")[2].partition(";")[0]
    for done in range(N_LABELS):
        expect(page.locator("#progress")).to_have_text(f"Row {done + 1} of {drawn}; {done} done")
        page.keyboard.press("2" if done % 3 else "1")
    expect(page.locator("#progress")).to_contain_text(f"; {N_LABELS} done")
