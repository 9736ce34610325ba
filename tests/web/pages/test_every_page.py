"""What holds on every page: hostile texts stay texts, nobody is shut out, keys reach everything."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from judge.results.job import Job, JobState
from judge.results.store import timestamp
from judge.web.access import Role
from tests.web.conftest import Live, live
from tests.web.pages.conftest import Open, faults_of
from tests.web.pages.hostile import PAYLOADS

ALL = " ".join(PAYLOADS)
SEVERE = {"serious", "critical"}


def _lines(rows: Sequence[dict[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _config() -> str:
    """Return a config in which every name is hostile."""
    config = json.dumps(
        {
            # Variables and paths of the server are refused at the door.
            "name": ALL.replace("${", "$ {").replace("../", ". ./"),
            "cache": False,
            "dataset": {"items": "items.jsonl"},
            "slices": [PAYLOADS[0]],
            "systems": {PAYLOADS[8]: {"role": "student", "outputs": "outputs.jsonl"}},
            "scorers": {
                "equivalence": {
                    "scale": {"kind": "binary", "categories": [PAYLOADS[50], PAYLOADS[70]]},
                    "judge": {"recorded": "verdicts.jsonl", "name": PAYLOADS[13]},
                    "against": ["reference"],
                }
            },
        }
    )
    return re.sub(r"\\ud[89ab]..\\ud[c-f]..", _one_sign, config)


def _one_sign(pair: re.Match[str]) -> str:
    """Return as one escape what JSON writes as two, and YAML would not read."""
    sign: str = json.loads(f'"{pair[0]}"')
    return f"\\U{ord(sign):08x}"


@dataclass(frozen=True)
class Hostile:
    """A service in which every field that is kept holds hostile texts.

    Attributes:
        paths: of its pages.
    """

    service: Live
    job_id: str
    run_id: str
    paths: tuple[str, ...]


def _filled(service: Live, payloads: Sequence[str] = PAYLOADS) -> Hostile:
    client = service.client()
    ids = [f"{n} {payload}" for n, payload in enumerate(payloads)]
    rows = list(zip(ids, payloads, strict=True))
    system, (negative, positive) = PAYLOADS[8], (PAYLOADS[50], PAYLOADS[70])
    files = {
        "items.jsonl": _lines(
            [
                {"id": i, "input": p, "reference": f"right {p}", "slices": {PAYLOADS[0]: p}}
                for i, p in rows
            ]
        ),
        "outputs.jsonl": _lines([{"id": i, "output": p} for i, p in rows]),
        "verdicts.jsonl": _lines(
            [
                {"id": i, "system": system, "label": (negative, positive)[n % 2], "reply": p}
                for n, (i, p) in enumerate(rows)
            ]
        ),
    }
    job = client.wait(client.submit(config=_config(), files=files).job_id)
    assert job.state == "finished", job.error
    ratings: list[dict[str, object]] = [
        {
            "id": i,
            "system": system,
            "rater": rater,
            "label": (negative, positive)[n % 3 == 0],
            "source": "human",
            "blind": True,
            "inclusion_probability": 1.0,
            "comment": p,
        }
        for n, (i, p) in enumerate(rows)
        for rater in (f"r {p}"[:500], "everybody")
    ]
    terms = {"labels": len(payloads), "overlap": 0}
    http = service.http(Role.ADMIN)
    asked = http.post(f"/jobs/{job.job_id}/labelling", data=terms)
    assert asked.status_code == 303, asked.text
    client.rate(job.job_id, ratings)
    validation = client.wait(client.validate(job_id=job.job_id).job_id)
    assert validation.state == "finished", validation.error
    for n, payload in enumerate(payloads):
        _keep_names(service, n, payload)
    run, reflected = f"/runs/{job.run_id}/examples", quote(PAYLOADS[8])
    examples = [f"{run}/{n}" for n in range(len(payloads))]
    paths = (
        *("/", f"/jobs/{job.job_id}", "/jobs/job-hostile-3", "/judges"),
        *(f"/judges/{validation.job_id}", f"/judges/{validation.job_id}?from=40"),
        *(run, *examples, f"{run}?find={reflected}", f"{run}?slice={reflected}"),
        *("/history", f"/history?name={reflected}&slice={reflected}", "/labelling"),
        *("/keys", "/audit", "/settings"),
        *(f"/jobs/{reflected}", f"/enter/{reflected}", f"/{reflected}?before={reflected}"),
        f"/v1/runs/{job.run_id}/report?format=html",
    )
    return Hostile(service, job.job_id, job.run_id, paths)


def _keep_names(service: Live, number: int, payload: str) -> None:
    """Keep a job that failed, a key and an entry of the log, named so."""
    store = service.server.store.service
    name = payload.replace("\0", "")  # no key, and no entry, can hold one
    store.submit(
        Job(
            job_id=f"job-hostile-{number}",
            workspace="default",
            name=payload,
            state=JobState.FAILED,
            config_path="",
            options="{}",
            submitted=(now := timestamp()),
            changed=now,
            error=payload,
            fingerprint="",
        )
    )
    service.server.keys.create(name=name, workspace="default", roles=[Role.READ])
    store.note(
        who=name, workspace="default", what=name, about=name, details={name: payload, "n": [name]}
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """One service for all of these tests: none of them changes what it shows."""
    with live(tmp_path_factory.mktemp("hostile")) as service:
        yield _filled(service)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """The same with a tenth of the texts: to find what shuts people out takes time for each."""
    with live(tmp_path_factory.mktemp("some")) as service:
        yield _filled(service, PAYLOADS[::10])


def _injected(page: Page) -> int:
    return page.locator("[data-hostile]").count()


def test_a_hundred_payloads_are_a_hundred() -> None:
    assert len(set(PAYLOADS)) == 100


def test_hostile_texts_in_every_field_run_nothing_and_ask_nobody_on_any_page(
    hostile: Hostile, opened: Open
) -> None:
    # `opened` fails for a request to others, a dialog, and a word to the console: a browser
    # complains there of what the policy kept from running.
    page = opened(hostile.service, "/settings")

    for path in hostile.paths:
        page.goto(hostile.service.address + path)
        page.wait_for_load_state("load")
        assert (path, _injected(page)) == (path, 0)
        assert page.url.startswith(hostile.service.address)


def test_hostile_texts_run_nothing_where_people_label(hostile: Hostile, opened: Open) -> None:
    page = opened(hostile.service, f"/jobs/{hostile.job_id}/label", name='"><b data-hostile>')
    progress = page.locator("#progress")
    expect(progress).to_contain_text("Row 1 of")
    n_rows = int(progress.inner_text().split(" of ")[1].split(";")[0])
    seen = set()

    for row in range(1, n_rows + 1):
        expect(progress).to_contain_text(f"Row {row} of")
        seen.add(page.locator("#output").inner_text())
        assert _injected(page) == 0
        page.keyboard.press("12"[row % 2])

    expect(progress).to_contain_text("are done")
    page.locator("#comment").fill(ALL[:9000])
    page.get_by_role("button", name="skip").click()
    expect(progress).to_contain_text("1 of them skipped")
    page.reload()
    assert _injected(page) == 0
    assert len(seen) > 95  # of a hundred; some show the same


def test_no_page_has_a_serious_fault_for_whoever_reads_it_by_other_means(
    some: Hostile, opened: Open
) -> None:
    page = opened(some.service, "/settings")
    checked = [path for path in some.paths if "/examples/" not in path and "?" not in path]
    checked += [f"/runs/{some.run_id}/examples/0", f"/jobs/{some.job_id}/label"]
    report = f"/v1/runs/{some.run_id}/report?format=html"

    for path in (*checked, report):
        page.emulate_media(color_scheme="light")
        page.goto(some.service.address + path)
        page.wait_for_load_state("load")
        assert (path, faults_of(page, impacts=SEVERE)) == (path, [])
        page.emulate_media(color_scheme="dark")
        assert (path, faults_of(page, rules=["color-contrast"])) == (path, [])


@pytest.mark.parametrize("path", ["/", "/judges", "/labelling", "/history", "/keys", "/settings"])
def test_everything_that_can_be_pressed_is_reached_by_the_keyboard(
    service: Live, opened: Open, path: str
) -> None:
    page = opened(service, path)
    wanted = page.locator(
        "a[href], button:not([hidden]), select, input:not([type=hidden]), summary, [tabindex='0']"
    ).evaluate_all("all => all.filter(one => one.checkVisibility()).map(one => one.outerHTML)")
    page.evaluate("document.activeElement.blur()")
    reached = []

    for _ in range(len(wanted) + 2):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML"))

    assert set(wanted) <= set(reached)
    assert "Skip to the content" in reached[0]
