from pathlib import Path

import pytest
from playwright.sync_api import expect

from judge.testing import FakeEndpoint
from judge.web.access import Role
from judge.web.limits import Limits
from tests.web.conftest import Live, live
from tests.web.pages.conftest import NARROW, Open, faults_of


def test_settings_say_what_the_server_was_told_and_no_secret(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_KEY", "sk-do-not-show")
    limits = Limits(requests_per_minute=4321, jobs=7)
    with (
        FakeEndpoint() as endpoint,
        live(tmp_path, endpoint, roots=(tmp_path / "data",), limits=limits) as service,
    ):
        page = opened(service, "/settings")

        expect(page.locator("main")).to_contain_text("ready")
        expect(page.get_by_role("row").filter(has_text="requests a minute")).to_contain_text(
            "4,321"
        )
        asked = page.get_by_role("row").filter(has_text="endpoints")
        expect(asked).to_contain_text("(key in FAKE_KEY)")
        expect(page.get_by_role("row").filter(has_text="folders")).to_contain_text("data")
        assert "sk-do-not-show" not in page.content()


def test_settings_are_for_admins(service: Live) -> None:
    others = service.http(Role.READ, Role.SUBMIT, Role.LABEL)

    assert others.get("/settings").status_code == 403
    assert "Settings" not in others.get("/judges").text


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_settings_shut_nobody_out(service: Live, opened: Open, *, narrow: bool, dark: bool) -> None:
    page = opened(service, "/settings", narrow=narrow, dark=dark)

    assert faults_of(page) == []
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
