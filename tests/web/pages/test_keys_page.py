import httpx2
import pytest
from playwright.sync_api import expect

from judge.web.access import Role
from tests.web.conftest import Live
from tests.web.pages.conftest import NARROW, Open, faults_of


def _may(service: Live, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=service.address, headers=headers, trust_env=False) as http:
        return http.get("/v1/jobs").status_code


def test_a_key_is_made_shown_once_and_opens_what_it_may(service: Live, opened: Open) -> None:
    page = opened(service, "/keys")
    page.get_by_label("Whose it is").fill("ci")
    page.get_by_label("read:").check()
    page.get_by_role("button", name="Make it").click()
    key = page.locator("#new-key").inner_text()

    assert _may(service, key) == 200
    page.goto(f"{service.address}/keys")
    row = page.get_by_role("row").filter(has_text="ci")
    expect(row).to_contain_text("read")
    assert key not in page.content()
    assert key.rpartition("_")[2] not in page.content()


def test_a_key_that_is_revoked_on_the_page_opens_nothing(service: Live, opened: Open) -> None:
    _, key = service.server.keys.create(name="old", workspace="default", roles=[Role.READ])
    page = opened(service, "/keys")

    page.get_by_role("row").filter(has_text="old").get_by_role("button", name="Revoke old").click()

    expect(page.get_by_role("row").filter(has_text="old")).to_contain_text("revoked")
    assert _may(service, key) == 401


def test_the_key_somebody_came_in_with_is_not_offered_to_be_revoked(
    service: Live, opened: Open
) -> None:
    page = opened(service, "/keys", name="mine")

    expect(page.get_by_role("row").filter(has_text="mine")).to_contain_text("the one you use")


@pytest.mark.parametrize(
    "said",
    [
        {"name": "", "role": "read"},
        {"name": "x" * 201, "role": "read"},
        {"name": "x"},
        {"name": "x", "role": "root"},
        {"name": "x", "role": "read", "days": "0"},
        {"name": "x", "role": "read", "days": "-1"},
    ],
)
def test_a_key_without_name_role_or_term_is_refused_and_not_made(
    service: Live, said: dict[str, str]
) -> None:
    http = service.http(Role.ADMIN)
    before = len(service.server.store.service.key_rows())

    answer = http.post("/keys", data=said)

    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert len(service.server.store.service.key_rows()) == before


def test_keys_are_made_and_revoked_by_admins_of_their_workspace_alone(service: Live) -> None:
    row, _ = service.server.keys.create(name="n", workspace="theirs", roles=[Role.READ])
    others = service.http(Role.SUBMIT, Role.READ, Role.LABEL)
    admin = service.http(Role.ADMIN)

    refused = [others.get("/keys"), others.post("/keys", data={"name": "x", "role": "admin"})]
    foreign = admin.post(f"/keys/{row.key_id}/revoke")

    assert {one.status_code for one in refused} == {403}
    assert foreign.status_code == 404
    assert row.key_id not in admin.get("/keys").text
    made = admin.post("/keys", data={"name": "made here", "role": "read"})
    assert made.status_code == 201
    kept = {one.name: one.workspace for one in service.server.store.service.key_rows()}
    assert kept["made here"] == "default"


def test_who_made_and_revoked_a_key_is_written_down_without_the_key(service: Live) -> None:
    admin = service.http(Role.ADMIN)
    admin.post("/keys", data={"name": "ci", "role": "read", "days": "30"})
    made = next(one for one in service.server.store.service.key_rows() if one.name == "ci")
    admin.post(f"/keys/{made.key_id}/revoke")

    entries = admin.get("/v1/audit").json()

    assert [one["what"] for one in entries] == ["key.revoke", "key.create"]
    assert {one["about"] for one in entries} == {made.key_id}
    assert "jk_" not in str(entries)


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_keys_shut_nobody_out(service: Live, opened: Open, *, narrow: bool, dark: bool) -> None:
    service.http().post("/keys", data={"name": "ci", "role": "read", "days": "30"})
    page = opened(service, "/keys", narrow=narrow, dark=dark)

    assert faults_of(page) == []
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
