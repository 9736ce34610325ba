import threading
from itertools import chain
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from judge.api.label_desk import LabelDesk
from judge.api.label_rounds import LabelRound, Said, round_of
from judge.errors import LeaseExpired
from judge.web.access import Role
from tests.web.conftest import N_ITEMS, N_WRONG, Live, submitted
from tests.web.pages.conftest import NARROW, Open, faults_of

OVERLAP = 25
"""Percent of the outputs that two people label."""

N_BOTH = N_ITEMS * OVERLAP // 100


def asked(service: Live, **terms: object) -> str:
    """Have people asked about every output of a job; return its id."""
    job_id = submitted(service.client()).job_id
    said = {"labels": N_ITEMS, "overlap": OVERLAP, **terms}
    answer = service.http(Role.SUBMIT).post(f"/jobs/{job_id}/labelling", data=said)
    assert answer.status_code == 303, answer.text
    return job_id


def rater(service: Live, name: str, *, workspace: str = "default") -> httpx2.Client:
    """Return what a person who may label, and nothing else, sends."""
    _, key = service.server.keys.create(name=name, workspace=workspace, roles=[Role.LABEL])
    headers = {"Authorization": f"Bearer {key}"}
    http = httpx2.Client(base_url=service.address, headers=headers, trust_env=False, timeout=30)
    return service.exits.enter_context(http)


def taken(http: httpx2.Client, job_id: str) -> dict[str, Any]:
    """Take a row that is new to a rater."""
    answer = http.get(f"/jobs/{job_id}/label/tasks/new")
    assert answer.status_code == 200, answer.text
    row: dict[str, Any] = answer.json()
    return row


def label(http: httpx2.Client, job_id: str, number: int, **said: object) -> httpx2.Response:
    """Label a row."""
    body = {"label": "equivalent", "seconds": 3.0, **said}
    return http.put(f"/jobs/{job_id}/label/tasks/{number}", json=body)


def every_row(http: httpx2.Client, job_id: str, *, as_judged: bool = False) -> list[str]:
    """Label until nothing is left; return the outputs that were labelled."""
    seen = []
    while (answer := http.get(f"/jobs/{job_id}/label/tasks/new")).status_code == 200:
        row = answer.json()
        is_wrong = as_judged and row["input"] in {f"What is {n}?" for n in range(N_WRONG)}
        said = "different" if is_wrong else "equivalent"
        assert label(http, job_id, row["number"], label=said).status_code == 200
        seen.append(row["input"])
    assert answer.json()["code"] == "lease_expired"
    return seen


def test_two_people_get_different_rows_but_for_the_declared_overlap(service: Live) -> None:
    job_id = asked(service)
    ann, ben = rater(service, "ann"), rater(service, "ben")
    found: dict[str, list[str]] = {"ann": [], "ben": []}

    for _ in range(N_ITEMS // 2):
        for name, http in (("ann", ann), ("ben", ben)):
            row = taken(http, job_id)
            found[name].append(row["input"])
            label(http, job_id, row["number"])
    found["ann"] += every_row(ann, job_id)
    found["ben"] += every_row(ben, job_id)

    both = set(found["ann"]) & set(found["ben"])
    assert len(both) == N_BOTH
    assert len(set(found["ann"]) | set(found["ben"])) == N_ITEMS
    assert len(found["ann"]) + len(found["ben"]) == N_ITEMS + N_BOTH


def test_many_who_ask_at_once_never_get_the_same_row(service: Live) -> None:
    job_id = asked(service, overlap=0)
    people = [rater(service, f"rater {n}") for n in range(6)]
    found: list[list[str]] = [[] for _ in people]

    def work(place: int) -> None:
        found[place] = every_row(people[place], job_id)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(chain.from_iterable(found)) == sorted(f"What is {n}?" for n in range(N_ITEMS))


def _round(service: Live, job_id: str) -> LabelRound:
    found = round_of(service.server.store, job_id)
    assert found is not None
    return found


def test_a_row_whose_lease_is_over_goes_to_another_and_is_refused_to_the_first(
    service: Live,
) -> None:
    found = _round(service, asked(service, overlap=0, minutes=10))
    now = 0.0
    desk = LabelDesk(service.server.store, clock=lambda: now)
    first = desk.next_new(found, "ann")
    assert desk.next_new(found, "ben").number != first.number

    now = 601.0
    assert desk.next_new(found, "ben").number == first.number

    with pytest.raises(LeaseExpired, match="not any more"):
        desk.fill_in(
            found,
            first.number,
            Said(task="", rater="ann", label="equivalent"),
            replace=False,
        )


def test_whoever_comes_back_late_keeps_a_row_that_nobody_else_took(service: Live) -> None:
    found = _round(service, asked(service, overlap=0, minutes=10))
    now = 0.0
    desk = LabelDesk(service.server.store, clock=lambda: now)
    first = desk.next_new(found, "ann")
    now = 5000.0

    kept = desk.fill_in(
        found, first.number, Said(task="", rater="ann", label="equivalent"), replace=False
    )

    assert kept.label == "equivalent"


def test_a_row_that_one_person_skips_is_given_to_the_next(service: Live) -> None:
    job_id = asked(service, overlap=0)
    ann, ben = rater(service, "ann"), rater(service, "ben")
    row = taken(ann, job_id)
    assert label(ann, job_id, row["number"], label="", skipped=True).json()["code"] == (
        "data_invalid"  # no reason was given
    )
    label(ann, job_id, row["number"], label="", skipped=True, comment="not my language")

    assert taken(ben, job_id)["number"] == row["number"]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"label": "great"}, 422, "data_invalid"),
        ({"label": "equivalent", "skipped": True, "comment": "x"}, 422, "data_invalid"),
        ({"label": "equivalent", "seconds": -1}, 422, "request_invalid"),
        ({"label": "equivalent", "verdict": "x"}, 422, "request_invalid"),
    ],
)
def test_what_is_no_label_is_refused_with_a_code_and_not_kept(
    service: Live, said: dict[str, object], status: int, code: str
) -> None:
    job_id = asked(service)
    ann = rater(service, "ann")
    number = taken(ann, job_id)["number"]

    answer = ann.put(f"/jobs/{job_id}/label/tasks/{number}", json=said)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ann.get(f"/jobs/{job_id}/label/tasks/{number}").json()["done"] == 0


def test_a_row_is_labelled_twice_only_on_purpose(service: Live) -> None:
    job_id = asked(service)
    ann = rater(service, "ann")
    number = taken(ann, job_id)["number"]
    label(ann, job_id, number)

    again = label(ann, job_id, number, label="different")
    before = ann.get(f"/jobs/{job_id}/label/tasks/{number}").json()["label"]
    corrected = label(ann, job_id, number, label="different", replace=True)

    assert (again.status_code, again.json()["code"]) == (409, "rating_conflict")
    assert before == "equivalent"
    assert (corrected.json()["label"], corrected.json()["done"]) == ("different", 1)


def test_a_row_that_was_not_given_to_a_rater_is_neither_shown_nor_labelled(service: Live) -> None:
    job_id = asked(service, overlap=0)
    ann, ben = rater(service, "ann"), rater(service, "ben")
    number = taken(ann, job_id)["number"]
    path = f"/jobs/{job_id}/label/tasks"

    answers = [ben.get(f"{path}/{number}"), label(ben, job_id, number), label(ben, job_id, 7)]
    beyond = ben.get(f"{path}/{N_ITEMS}")

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(409, "lease_expired")}
    assert beyond.status_code == 404


def test_nothing_a_rater_is_sent_names_a_system_or_a_verdict(service: Live) -> None:
    job_id = asked(service)
    ann = rater(service, "ann")
    page = ann.get(f"/jobs/{job_id}/label").text

    row = taken(ann, job_id)

    assert "student" not in page + str(row)
    assert {"system", "verdict", "id", "stratum"}.isdisjoint(row)
    for path in (f"/jobs/{job_id}", f"/v1/jobs/{job_id}/results", f"/v1/ratings?job_id={job_id}"):
        assert ann.get(path).status_code == 403


def test_labels_of_the_page_measure_the_judge_with_the_chances_of_the_draw(service: Live) -> None:
    job_id = asked(service)
    every_row(rater(service, "ann"), job_id, as_judged=True)
    every_row(rater(service, "ben"), job_id, as_judged=True)
    client = service.client()

    started = client.validate(job_id=job_id)
    client.wait(started.job_id)

    result: Any = client.validation(started.job_id).result
    assert result["agreement"]["percent"]["value"] == 1.0
    assert result["certificate"]["n_labels"] == N_ITEMS
    assert result["certificate"]["n_raters"] == 2
    ratings = list(client.ratings(job_id))
    assert len(ratings) == N_ITEMS + N_BOTH
    assert {one["inclusion_probability"] for one in ratings} == {1.0}
    assert all(one["blind"] for one in ratings)


def test_the_chance_of_a_label_is_that_of_the_part_of_its_stratum_that_is_labelled(
    service: Live,
) -> None:
    job_id = asked(service, overlap=0)
    ann = rater(service, "ann")
    for _ in range(N_ITEMS // 2):
        label(ann, job_id, taken(ann, job_id)["number"])

    ratings = list(service.client().ratings(job_id))

    assert len(ratings) == N_ITEMS // 2
    # Weighted by their chances, those that are labelled stand for all.
    weights = sum(1 / float(str(one["inclusion_probability"])) for one in ratings)
    assert weights == pytest.approx(N_ITEMS)


def test_a_larger_draw_keeps_what_was_labelled_and_a_smaller_one_is_refused(service: Live) -> None:
    job_id = asked(service, labels=12)
    seen = every_row(rater(service, "ann"), job_id)
    submit = service.http(Role.SUBMIT)

    smaller = submit.post(f"/jobs/{job_id}/labelling", data={"labels": 4})
    larger = submit.post(f"/jobs/{job_id}/labelling", data={"labels": N_ITEMS, "overlap": 0})
    more = every_row(rater(service, "ann"), job_id)

    assert (smaller.status_code, smaller.json()["code"]) == (422, "config_invalid")
    assert larger.status_code == 303
    assert len(seen) >= 12
    assert sorted(seen + more) == sorted(f"What is {n}?" for n in range(N_ITEMS))


def test_who_labelled_is_written_down_without_what_they_said(service: Live) -> None:
    job_id = asked(service)
    ann = rater(service, "ann")
    label(ann, job_id, taken(ann, job_id)["number"], comment="a secret")

    entries = service.http(Role.ADMIN).get("/v1/audit").json()

    assert [one["what"] for one in entries[:2]] == ["label.give", "label.ask"]
    assert "secret" not in str(entries)
    assert "equivalent" not in str(entries)


def test_labelling_of_another_workspace_looks_like_none(service: Live) -> None:
    job_id = asked(service)
    theirs = rater(service, "eve", workspace="theirs")

    answers = [
        theirs.get(f"/jobs/{job_id}/label"),
        theirs.get(f"/jobs/{job_id}/label/tasks/new"),
        label(theirs, job_id, 0),
    ]

    assert {one.status_code for one in answers} == {404}
    assert "numbers" not in theirs.get("/labelling").text


@pytest.fixture
def desk(service: Live, opened: Open) -> Page:
    """The page of a rater who came in with a key of the role label alone, on a phone."""
    asked(service, overlap=0)
    page = opened(service, "/labelling", Role.LABEL, name="ann", narrow=True)
    page.get_by_role("link", name="Label numbers").click()
    expect(page.locator("#progress")).to_have_text(f"Row 1 of {N_ITEMS}; 0 done")
    return page


def test_keys_label_go_back_and_undo(desk: Page) -> None:
    progress = desk.locator("#progress")

    desk.keyboard.press("2")
    expect(progress).to_have_text(f"Row 2 of {N_ITEMS}; 1 done")
    desk.keyboard.press("1")
    expect(progress).to_have_text(f"Row 3 of {N_ITEMS}; 2 done")
    desk.keyboard.press("u")
    expect(progress).to_have_text(f"Row 2 of {N_ITEMS}; 1 done")
    desk.keyboard.press("k")
    expect(progress).to_have_text(f"Row 1 of {N_ITEMS}; 1 done")
    pressed = desk.get_by_role("button", name="equivalent")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    desk.keyboard.press("1")  # says otherwise now

    expect(progress).to_have_text(f"Row 2 of {N_ITEMS}; 1 done")
    desk.keyboard.press("k")
    pressed = desk.get_by_role("button", name="different")
    expect(pressed).to_have_attribute("aria-pressed", "true")


def test_a_rater_labels_to_the_end_and_comes_back_where_they_were(desk: Page) -> None:
    desk.locator("#comment").fill("cut off")
    desk.get_by_role("button", name="skip").click()
    expect(desk.locator("#progress")).to_have_text(f"Row 2 of {N_ITEMS}; 1 done, 1 of them skipped")
    desk.reload()
    for row in range(2, N_ITEMS + 1):
        expect(desk.locator("#progress")).to_contain_text(f"Row {row} of {N_ITEMS}")
        desk.keyboard.press("2")

    expect(desk.locator("#progress")).to_contain_text(f"All {N_ITEMS} are done")
    desk.get_by_role("link", name="All labelling").click()
    expect(desk.get_by_role("row").nth(1)).to_contain_text(f"{N_ITEMS - 1} of {N_ITEMS}")


def test_labels_are_asked_for_on_the_page_of_a_job(service: Live, opened: Open) -> None:
    job = submitted(service.client())
    page = opened(service, f"/jobs/{job.job_id}")

    page.get_by_text("Ask for labels").click()
    page.get_by_label("Outputs").fill(str(N_ITEMS))
    page.get_by_role("button", name="Draw").click()

    expect(page.get_by_text(f"0 of {N_ITEMS + 4} labels on {N_ITEMS} outputs")).to_be_visible()


def test_whoever_has_nothing_left_is_told_so(service: Live, opened: Open) -> None:
    job_id = asked(service, overlap=0)
    every_row(rater(service, "ann"), job_id)

    page = opened(service, f"/jobs/{job_id}/label", name="ben")

    expect(page.get_by_role("heading", name="Nothing is left for you")).to_be_visible()
    assert faults_of(page) == []


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_labelling_shuts_nobody_out(
    service: Live, opened: Open, *, narrow: bool, dark: bool
) -> None:
    job_id = asked(service)
    page = opened(service, "/labelling", narrow=narrow, dark=dark)

    for path in ("/labelling", f"/jobs/{job_id}/label", f"/jobs/{job_id}"):
        page.goto(service.address + path)
        page.wait_for_load_state("networkidle")
        assert faults_of(page) == []
        if narrow:
            assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
