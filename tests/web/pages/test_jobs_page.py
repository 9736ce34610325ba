import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from judge.testing import Answer, FakeEndpoint, chat_completion, verdict
from judge.web.access import Role
from tests.web.conftest import FILES, N_ITEMS, Live, config_of, live
from tests.web.pages.conftest import NARROW, Open, faults_of

SAME = Answer(body=chat_completion(verdict()))


def test_an_empty_service_says_what_to_do_next(service: Live) -> None:
    page = service.http().get("/").text

    assert "judge submit judge.yaml --server http://127.0.0.1" in page
    assert "Run the example" in page


def test_the_example_that_ships_is_one_press_away_and_ends_in_its_report(
    service: Live, opened: Open
) -> None:
    page = opened(service, "/")

    page.get_by_role("button", name="Run the example").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("demo")
    expect(page.get_by_role("link", name="Read the report")).to_be_visible(timeout=120_000)
    expect(page.locator(".done")).to_have_text(re.compile(r"(\d+) of \1"))
    page.goto(service.address)
    page.get_by_role("link", name="report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("demo")


def test_whoever_may_not_submit_is_not_offered_to(service: Live, opened: Open) -> None:
    page = opened(service, "/", Role.READ)

    assert page.get_by_role("button", name="Run the example").count() == 0


def test_the_list_follows_every_job_without_being_loaded_again(
    tmp_path: Path, opened: Open
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def answer(_: object) -> Answer:
        begun.set()
        go_on.wait(30)
        return SAME

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        names = [f"run {n}" for n in range(8)]  # more than a browser keeps connections
        for name in names:
            client.submit(config=config_of(endpoint, name=name), files=FILES)
        assert begun.wait(30)
        page = opened(service, "/")
        expect(page.locator(".state").first).to_have_text("queued")
        page.evaluate("window.sameDocument = true")
        go_on.set()

        expect(page.locator(".state").filter(has_text="finished")).to_have_count(8, timeout=60_000)
        expect(page.locator(".done").first).to_have_text(f"{N_ITEMS} of {N_ITEMS}")
        expect(page.get_by_role("link", name="report")).to_have_count(8)
        assert page.evaluate("window.sameDocument")
        page.goto("about:blank")


def test_without_scripts_the_list_is_loaded_again_until_all_is_over(
    tmp_path: Path, opened: Open
) -> None:
    go_on = threading.Event()

    def answer(_: object) -> Answer:
        go_on.wait(30)
        return SAME

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job = client.submit(config=config_of(endpoint), files=FILES)
        page = opened(service, "/", script=False)
        go_on.set()
        expect(page.locator(".state")).to_have_text("finished", timeout=30_000)
        client.wait(job.job_id)

        again = service.http().get("/").text

    assert "http-equiv" not in again


def test_a_job_is_cancelled_from_its_page(tmp_path: Path, opened: Open) -> None:
    go_on = threading.Event()

    def answer(_: object) -> Answer:
        go_on.wait(30)
        return SAME

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        job = service.client().submit(config=config_of(endpoint), files=FILES)
        page = opened(service, f"/jobs/{job.job_id}")
        page.get_by_role("button", name="cancel").click()
        go_on.set()

        expect(page.locator(".state")).to_have_text("cancelled", timeout=30_000)


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_jobs_shut_nobody_out(service: Live, opened: Open, *, narrow: bool, dark: bool) -> None:
    client = service.client()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    page = opened(service, "/", narrow=narrow, dark=dark)

    assert faults_of(page) == []
    page.goto(f"{service.address}/jobs/{job.job_id}")
    assert faults_of(page) == []
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_the_job_of_another_workspace_has_no_page(service: Live) -> None:
    client = service.client(workspace="theirs")
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    answer = service.http(workspace="mine").get(
        f"/jobs/{job.job_id}", headers={"Accept": "text/html"}
    )

    assert answer.status_code == 404
    assert "Nothing here" in answer.text
