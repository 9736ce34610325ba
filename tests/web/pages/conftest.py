from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response, ViewportSize

from judge.web.access import Role
from tests.web.conftest import Live

WIDE: ViewportSize = {"width": 1300, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}

Open: TypeAlias = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Return what opens a page of a service as the holder of a key.

    At the end nothing may have been complained of, run that is not ours, or asked of others.
    """
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(
        service: Live,
        path: str,
        *roles: Role,
        workspace: str = "default",
        name: str = "test",
        narrow: bool = False,
        dark: bool = False,
        script: bool = True,
    ) -> Page:
        context = browser.new_context(
            viewport=NARROW if narrow else WIDE,
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))

        def said(words: str) -> None:
            if not words.startswith("Failed to load resource: the server responded"):
                wrong.append(words)

        def answered(response: Response) -> None:
            # A page may be one that says what is wrong; what a page loads is there.
            if response.status >= 400 and not response.request.is_navigation_request():
                wrong.append(f"{response.status} for {response.url}")

        def asked(url: str) -> None:
            parts = urlsplit(url)
            if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" != service.address:
                wrong.append(f"asked for {url}")

        page.on("request", lambda request: asked(request.url))
        page.on("response", answered)
        _, key = service.server.keys.create(
            name=name, workspace=workspace, roles=roles or tuple(Role)
        )
        come_in(page, service, key)
        page.goto(service.address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def come_in(page: Page, service: Live, key: str) -> None:
    """Show a key at the door."""
    page.goto(service.address)
    page.get_by_label("Your key").fill(key)
    page.get_by_role("button", name="Come in").click()
    page.wait_for_load_state()


def faults_of(
    page: Page, *, impacts: Collection[str] = (), rules: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Return what shuts people out of a page.

    Args:
        page: the page.
        impacts: only faults of those; empty for all.
        rules: only faults against those; empty for all.
    """
    found = Axe().run(page, options={"runOnly": list(rules)} if rules else None)
    return [
        (one["id"], one["nodes"][0]["html"])
        for one in found.response["violations"]
        if not impacts or one["impact"] in impacts
    ]
