import pytest
from playwright.sync_api import expect

from judge.web.access import Role
from tests.web.conftest import FILES, Live, config_of
from tests.web.pages.conftest import NARROW, Open, faults_of


def test_the_log_says_who_did_what_by_name(service: Live, opened: Open) -> None:
    row, _ = service.server.keys.create(name="ci", workspace="default", roles=[Role.SUBMIT])
    service.server.store.service.note(
        who=row.key_id, workspace="default", what="job.submit", about="job-1", details={"name": "n"}
    )
    page = opened(service, "/audit")

    entry = page.get_by_role("row").filter(has_text="job.submit")
    expect(entry).to_contain_text("ci")
    expect(entry).to_contain_text("job-1")


def test_older_entries_are_a_page_further_and_none_is_left_out(service: Live, opened: Open) -> None:
    for number in range(250):
        service.server.store.service.note(
            who="local", workspace="default", what="x", about=f"n{number}", details={}
        )
    page = opened(service, "/audit")
    found: list[str] = []

    while True:
        found += page.locator("tbody code").all_inner_texts()
        older = page.get_by_role("link", name="Older ones")
        if not older.count():
            break
        older.click()

    assert found == [f"n{number}" for number in reversed(range(250))]


def test_the_log_of_another_workspace_is_not_shown_and_none_to_whoever_is_no_admin(
    service: Live,
) -> None:
    client = service.client(workspace="theirs")
    job = client.submit(config=config_of(None), files=FILES)

    assert job.job_id not in service.http(Role.ADMIN).get("/audit").text
    assert service.http(Role.READ, Role.SUBMIT, Role.LABEL).get("/audit").status_code == 403


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_the_log_shuts_nobody_out(service: Live, opened: Open, *, narrow: bool, dark: bool) -> None:
    client = service.client()
    client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    page = opened(service, "/audit", narrow=narrow, dark=dark)

    assert faults_of(page) == []
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
