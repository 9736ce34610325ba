"""The labelling page in a real browser, over a real server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from judge.records.label_sheet import LabelSheet
from judge.web.labelling import LabellingDesk, create_desk
from judge.web.server import LOOPBACK, bound_socket

HOSTILE = "<img src=x onerror=alert(1)> \u202etxet"
ROWS = [
    {"task": f"t{n}", "input": f"ask {n}", "against": f"true {n}", "output": HOSTILE, "label": None}
    for n in range(4)
]
PHONE: ViewportSize = {"width": 390, "height": 844}


@contextmanager
def _desk(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a desk; yield its address and the path of its link."""
    path = folder / "to_label.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    scale = ("different", "equivalent")
    desk = LabellingDesk(
        sheet=LabelSheet(path, categories=scale, rater="ada"),
        question="Is the answer equivalent?",
        against="What is known to be right",
        categories=scale,
    )
    listening = bound_socket("127.0.0.1", 0)
    app = create_desk(desk, hosts=frozenset(LOOPBACK))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", f"/enter/{desk.links.new_link()}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """An open page; at the end nothing may have been complained of."""
    wrong: list[str] = []
    with _desk(tmp_path) as (address, link):
        opened = browser.new_page(viewport=PHONE)
        opened.on("console", lambda message: wrong.append(message.text))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("dialog", lambda dialog: wrong.append(dialog.message))
        opened.goto(address + link)
        yield opened
        opened.close()
    assert wrong == []


def _labels(folder: Path) -> list[object]:
    lines = (folder / "to_label.jsonl").read_text().splitlines()
    return [json.loads(line)["label"] for line in lines]


def test_keys_label_go_back_and_undo(page: Page, tmp_path: Path) -> None:
    progress = page.locator("#progress")
    expect(progress).to_have_text("Row 1 of 4; 0 done")

    page.keyboard.press("2")
    expect(progress).to_have_text("Row 2 of 4; 1 done")
    page.keyboard.press("1")
    expect(progress).to_have_text("Row 3 of 4; 2 done")
    page.keyboard.press("u")
    expect(progress).to_have_text("Row 2 of 4; 1 done")
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="equivalent")).to_have_attribute("aria-pressed", "true")

    assert _labels(tmp_path) == ["equivalent", None, None, None]


def test_buttons_label_to_the_end_and_say_so(page: Page, tmp_path: Path) -> None:
    for number in range(4):
        expect(page.locator("#input")).to_have_text(f"ask {number}")
        page.get_by_role("button", name="different").click()

    expect(page.locator("#progress")).to_have_text("All 4 are done. You can close this page.")
    assert _labels(tmp_path) == ["different"] * 4


def test_a_row_is_skipped_for_a_reason_only(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#progress")).to_have_text("Row 1 of 4; 0 done")
    page.keyboard.press("s")
    expect(page.locator("#said")).to_contain_text("why you skip it")
    page.locator("#comment").fill("cut off")
    page.get_by_role("button", name="skip").click()

    expect(page.locator("#progress")).to_have_text("Row 2 of 4; 1 done, 1 of them skipped")
    assert json.loads((tmp_path / "to_label.jsonl").read_text().splitlines()[0])["skipped"] is True


def test_hostile_text_is_shown_as_text(page: Page) -> None:
    expect(page.locator("#output")).to_have_text(HOSTILE)
    assert page.locator("img").count() == 0


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    expect(page.locator("#progress")).to_have_text("Row 1 of 4; 0 done")

    found = Axe().run(page)

    serious = [
        v["id"] for v in found.response["violations"] if v["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_nobody_sees_or_labels_a_row_without_the_link(tmp_path: Path) -> None:
    with _desk(tmp_path) as (address, _), httpx2.Client(base_url=address, trust_env=False) as http:
        answers = [
            http.get("/"),
            http.get("/tasks/0"),
            http.put("/tasks/0", json={"label": "different"}),
            http.get("/enter/guess"),
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert _labels(tmp_path) == [None] * 4


def test_a_label_off_the_scale_and_a_row_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with (
        _desk(tmp_path) as (address, link),
        httpx2.Client(base_url=address, trust_env=False) as http,
    ):
        http.get(link)
        off = http.put("/tasks/0", json={"label": "great"})
        gone = http.put("/tasks/9", json={"label": "different"})

    assert (off.status_code, off.json()["code"]) == (422, "data_invalid")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert _labels(tmp_path) == [None] * 4
