import pytest
from playwright.sync_api import expect

from judge.web.access import Role
from tests.web.conftest import FILES, N_ITEMS, Live, config_of
from tests.web.pages.conftest import NARROW, Open, faults_of

WORSE = "".join(
    f'{{"id": "i{n}", "output": "It is {n if n % 2 else "unknown"}."}}\n' for n in range(N_ITEMS)
)


def _two_runs(service: Live, *, workspace: str = "default") -> list[str]:
    client = service.client(workspace=workspace)
    sets = (FILES, {**FILES, "outputs.jsonl": WORSE})
    return [
        client.wait(client.submit(config=config_of(None), files=files).job_id).run_id
        for files in sets
    ]


def test_each_metric_is_shown_run_by_run_and_leads_to_its_reports(
    service: Live, opened: Open
) -> None:
    first, second = _two_runs(service)
    page = opened(service, "/history")

    table = page.get_by_role("group", name="exact_match.reference")
    expect(table.get_by_role("row").filter(has_text=first)).to_contain_text("1.000")
    expect(table.get_by_role("row").filter(has_text=second)).to_contain_text("0.500")
    page.get_by_role("link", name=second).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("numbers")


def test_a_slice_is_asked_for_by_name(service: Live, opened: Open) -> None:
    _, second = _two_runs(service)
    page = opened(service, "/history")

    page.get_by_label("On").fill("kind=even")
    page.get_by_role("button", name="Show").click()

    table = page.get_by_role("group", name="exact_match.reference")
    # So few items of the slice have no number.
    expect(table.get_by_role("row").filter(has_text=second)).to_contain_text("insufficient")


def test_a_slice_that_there_is_not_is_told_and_the_form_stays(service: Live, opened: Open) -> None:
    _two_runs(service)
    page = opened(service, "/history?slice=kind%3Dprime")

    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("On")).to_have_value("kind=prime")


def test_runs_of_another_workspace_are_not_among_them(service: Live) -> None:
    theirs = _two_runs(service, workspace="theirs")
    mine = _two_runs(service)

    page = service.http(Role.READ).get("/history?name=numbers").text

    assert all(run_id in page for run_id in mine)
    assert not any(run_id in page for run_id in theirs)
    assert "No job has finished here yet" in service.http(workspace="none").get("/history").text


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_runs_over_time_shut_nobody_out(
    service: Live, opened: Open, *, narrow: bool, dark: bool
) -> None:
    _two_runs(service)
    page = opened(service, "/history", narrow=narrow, dark=dark)

    assert faults_of(page) == []
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
