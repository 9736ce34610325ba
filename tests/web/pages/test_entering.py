from playwright.sync_api import expect

from tests.web.conftest import Live
from tests.web.pages.conftest import Open, faults_of


def test_the_one_time_link_opens_the_pages_once(service: Live) -> None:
    http = service.http(anonymous=True)
    link = f"/enter/{service.server.links.new_link()}"

    entered = http.get(link)
    shown = http.get("/", headers={"Cookie": entered.headers["set-cookie"].partition(";")[0]})

    assert entered.status_code == 303
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert "SameSite=strict" in entered.headers["set-cookie"]
    assert shown.status_code == 200
    http.cookies.clear()
    assert http.get(link).status_code == 401


def test_a_browser_without_a_session_is_asked_for_a_key_and_told_nothing(service: Live) -> None:
    answer = service.http(anonymous=True).get("/jobs/job-1", headers={"Accept": "text/html"})

    assert answer.status_code == 401
    assert "Your key" in answer.text


def test_a_key_opens_the_pages_until_it_is_revoked(service: Live, opened: Open) -> None:
    page = opened(service, "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")

    for row in service.server.store.service.key_rows():
        service.server.keys.revoke(row.key_id)
    page.reload()

    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert faults_of(page) == []


def test_a_key_that_opens_nothing_is_told_so(service: Live) -> None:
    http = service.http(anonymous=True)

    answer = http.post("/enter", data={"key": "jk_0_0"})

    assert answer.status_code == 401
    assert "opens nothing" in answer.text
    assert "set-cookie" not in answer.headers


def test_who_signs_out_is_out(service: Live, opened: Open) -> None:
    page = opened(service, "/")
    (cookie,) = page.context.cookies()

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("status").or_(page.get_by_role("alert"))).to_have_text(
        "You are signed out."
    )
    page.context.add_cookies(
        [{"name": cookie["name"], "value": cookie["value"], "url": service.address}]
    )
    page.goto(service.address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_page_of_another_origin_can_bring_nobody_in_or_out(service: Live) -> None:
    http = service.http(anonymous=True)
    key = service.key()

    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ):
        answer = http.post("/enter", data={"key": key}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


def test_more_than_a_key_is_not_even_read_at_the_door(service: Live) -> None:
    answer = service.http(anonymous=True).post("/enter", data={"key": "x" * 5000})

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
