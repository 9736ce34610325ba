import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from judge.testing import Answer, FakeEndpoint
from judge.web.access import Role
from tests.web.conftest import (
    N_ITEMS,
    N_WRONG,
    RECORDED,
    Live,
    live,
    rated_config,
    rating,
    submitted,
)
from tests.web.pages.conftest import NARROW, Open, faults_of

N_BEYOND = 2
"""Outputs that people call different and the judge does not."""


def said(item: int, *, rater: str = "ann") -> dict[str, object]:
    """Return what people say: of a few outputs something else than the judge."""
    label = "different" if item < N_WRONG + N_BEYOND else "equivalent"
    return rating(f"i{item}", label=label, rater=rater)


def measured(service: Live) -> tuple[str, str]:
    """Have a judge measured; return the ids of the job and of the validation."""
    client = service.client()
    job = submitted(client)
    sent = [said(n) for n in range(N_ITEMS)] + [said(n, rater="ben") for n in range(4, N_ITEMS)]
    client.rate(job.job_id, sent)
    return job.job_id, client.wait(client.validate(job_id=job.job_id).job_id).job_id


def test_a_validation_shows_the_standing_and_why_the_confusion_and_the_ceiling(
    service: Live, opened: Open
) -> None:
    _, validation_id = measured(service)

    page = opened(service, "/judges")
    page.get_by_role("link", name="numbers").click()

    standing = page.locator("section").filter(has=page.get_by_role("heading", name="Standing"))
    expect(standing).to_contain_text("insufficient")
    expect(standing).to_contain_text("labels (human) by 2 raters on 24 items")
    confusion = page.get_by_role("group", name="Confusion").get_by_role("row")
    # The label of the columns is what the judge said.
    expect(confusion.nth(1)).to_have_text(f"different{N_WRONG}{N_BEYOND}")
    expect(page.get_by_role("group", name="Human ceiling")).to_contain_text("ben")
    assert page.url.endswith(f"/judges/{validation_id}")


def test_the_widest_disagreements_lead_to_their_examples(service: Live, opened: Open) -> None:
    _, validation_id = measured(service)
    page = opened(service, f"/judges/{validation_id}")
    rows = page.get_by_role("group", name="Disagreements").get_by_role("row")
    expect(rows).to_have_count(1 + N_BEYOND)

    rows.nth(1).get_by_role("link").click()

    expect(page.locator("a.opener-link").first).to_be_visible()


def test_a_judge_is_measured_at_the_press_of_a_button(service: Live, opened: Open) -> None:
    client = service.client()
    job = submitted(client)
    client.rate(job.job_id, [said(n) for n in range(N_ITEMS)])
    page = opened(service, "/judges")

    page.get_by_role("button", name="Measure").click()

    expect(page.get_by_role("heading", name="Standing")).to_be_visible(timeout=60_000)


def test_a_judge_without_labels_is_told_what_to_do(service: Live, opened: Open) -> None:
    submitted(service.client())
    http = service.http()
    job_id = http.get("/v1/jobs").json()["jobs"][0]["job_id"]

    answer = http.post("/judges", data={"job": job_id}, headers={"Accept": "text/html"})

    assert answer.status_code == 422
    assert "names no ratings" in answer.text


def test_whoever_may_only_read_is_not_offered_to_measure(service: Live, opened: Open) -> None:
    measured(service)
    page = opened(service, "/judges", Role.READ)

    assert page.get_by_role("button", name="Measure").count() == 0


def test_a_validation_that_did_not_end_says_so(tmp_path: Path, opened: Open) -> None:
    down = Answer(status=401, body=b'{"error": {"message": "no"}}')
    with FakeEndpoint(lambda _: down) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job = submitted(client, rated_config(endpoint))
        client.rate(job.job_id, [said(n) for n in range(N_ITEMS)])
        left = client.wait(client.validate(job_id=job.job_id).job_id)
        page = opened(service, f"/judges/{left.job_id}")

        expect(page.get_by_text("incomplete")).to_be_visible()


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_judges_shut_nobody_out(service: Live, opened: Open, *, narrow: bool, dark: bool) -> None:
    _, validation_id = measured(service)
    page = opened(service, "/judges", narrow=narrow, dark=dark)

    for path in ("/judges", f"/judges/{validation_id}"):
        page.goto(service.address + path)
        assert faults_of(page) == []
        if narrow:
            assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_judges_of_another_workspace_look_like_none(service: Live) -> None:
    job_id, validation_id = measured(service)
    theirs = service.http(workspace="theirs")

    answers = [theirs.get(f"/judges/{one}") for one in (job_id, validation_id, "none")]

    assert {one.status_code for one in answers} == {404}
    assert validation_id not in theirs.get("/judges").text
    assert RECORDED not in json.dumps(theirs.get("/judges").text)
