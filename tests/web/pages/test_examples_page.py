import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from judge.testing import Answer, FakeEndpoint, chat_completion, verdict
from tests.web.conftest import FILES, N_ITEMS, Live, config_of, live
from tests.web.pages.conftest import NARROW, Open, faults_of

OUTPUTS = "".join(
    f'{{"id": "i{n}", "output": "It is {n if n % 3 else "unknown"}."}}\n' for n in range(N_ITEMS)
)
MIXED = {**FILES, "outputs.jsonl": OUTPUTS}
N_WRONG = len(range(0, N_ITEMS, 3))


def _run(service: Live) -> str:
    client = service.client()
    return client.wait(client.submit(config=config_of(None), files=MIXED).job_id).run_id


def _items(page: Page) -> list[str]:
    return page.locator("a.opener-link").all_inner_texts()


def test_examples_are_chosen_and_the_address_keeps_the_choice(service: Live, opened: Open) -> None:
    page = opened(service, f"/runs/{_run(service)}/examples")
    count = page.locator("#count")
    expect(count).to_have_text(f"1 to {N_ITEMS} of {N_ITEMS} records")

    page.locator("select[name=slice]").select_option("kind=even")
    expect(count).to_have_text(f"1 to 12 of 12 records that are like that, of {N_ITEMS}")
    page.locator("select[name=metric]").select_option("exact_match.reference")
    expect(page).to_have_url(re.compile("metric="))
    page.locator("select[name=show]").select_option("wrong")
    expect(count).to_have_text(f"1 to 4 of 4 records that are like that, of {N_ITEMS}")

    found = _items(page)
    assert re.search(r"\?slice=kind%3Deven&metric=exact_match.reference&show=wrong$", page.url)
    page.get_by_role("link", name=found[0], exact=True).click()
    page.get_by_role("link", name="All of them").click()
    assert _items(page) == found


def test_without_scripts_examples_are_chosen_by_a_button(service: Live, opened: Open) -> None:
    page = opened(service, f"/runs/{_run(service)}/examples", script=False)

    page.locator("select[name=show]").select_option("wrong")
    page.get_by_role("button", name="Show").click()

    assert len(_items(page)) == N_WRONG


def test_words_are_looked_for_in_every_text(service: Live, opened: Open) -> None:
    page = opened(service, f"/runs/{_run(service)}/examples?find=UNKNOWN")

    assert len(_items(page)) == N_WRONG
    expect(page.locator("#count")).to_have_text(f"{N_WRONG} here; all {N_ITEMS} were searched.")


def test_pages_of_examples_join_without_a_gap(service: Live) -> None:
    client, http = service.client(), service.http()
    items = "".join(f'{{"id": "n{n}", "input": "q", "reference": "r"}}\n' for n in range(60))
    outputs = "".join(f'{{"id": "n{n}", "output": "r"}}\n' for n in range(60))
    files = {"items.jsonl": items, "outputs.jsonl": outputs}
    job = client.wait(client.submit(config=config_of(None), files=files).job_id)

    found, path = [], f"/runs/{job.run_id}/examples"
    while path:
        page = http.get(path).text
        found += re.findall(r"<bdi>(n\d+)</bdi></a>", page)
        following = re.search(r'href="(\?[^"]*)" class="button" rel="next"', page)
        path = f"/runs/{job.run_id}/examples{following[1]}" if following else ""

    assert sorted(found) == sorted(f"n{n}" for n in range(60))


def test_an_example_shows_what_differs_and_every_score(service: Live, opened: Open) -> None:
    run_id = _run(service)
    page = opened(service, f"/runs/{run_id}/examples/3")

    expect(page.locator("del")).to_contain_text("3")
    expect(page.locator("ins")).to_contain_text("unknown")
    expect(page.get_by_role("row").filter(has_text="exact_match.reference")).to_contain_text("0.0")
    assert faults_of(page) == []


def test_keys_go_from_one_example_to_the_next(service: Live, opened: Open) -> None:
    page = opened(service, f"/runs/{_run(service)}/examples?show=wrong")
    items = _items(page)

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(items[1])
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text(items[2])
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text(items[1])
    page.keyboard.press("u")

    expect(page.locator("a.opener-link")).to_have_count(N_WRONG)


def test_how_many_verdicts_of_a_judge_nobody_certified_are_wrong_is_not_counted(
    tmp_path: Path, opened: Open
) -> None:
    same = Answer(body=chat_completion(verdict()))
    with FakeEndpoint(lambda _: same) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job = client.wait(client.submit(config=config_of(endpoint), files=FILES).job_id)
        page = opened(service, f"/runs/{job.run_id}/examples?show=right")

        expect(page.locator("#count")).to_have_text(
            "Not counted: the choice rests on verdicts of a judge that is not trusted."
        )
        page.goto(f"{service.address}/runs/{job.run_id}/examples/0")
        expect(page.get_by_text("not trusted")).to_be_visible()


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_examples_shut_nobody_out(service: Live, opened: Open, *, narrow: bool, dark: bool) -> None:
    page = opened(service, f"/runs/{_run(service)}/examples", narrow=narrow, dark=dark)

    assert faults_of(page) == []
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_examples_of_another_workspace_look_like_none(service: Live) -> None:
    client, http = service.client(workspace="theirs"), service.http(workspace="mine")
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    answers = [
        http.get(path)
        for path in (
            f"/runs/{job.run_id}/examples",
            f"/runs/{job.run_id}/examples/0",
            "/runs/none/examples",
        )
    ]

    assert {(one.status_code, one.json()["detail"]) for one in answers} == {
        (404, "there is no such thing here; look at /v1/jobs for what is")
    }


@pytest.mark.parametrize("path", ["99999", "-1"])
def test_a_place_where_no_example_is_is_not_found(service: Live, path: str) -> None:
    assert service.http().get(f"/runs/{_run(service)}/examples/{path}").status_code == 404
