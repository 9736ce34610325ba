"""The documentation becomes a site that holds together."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it; a warning, such as of a link that leads nowhere, fails."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"),
            *("-d", folder / "doctrees", ROOT / "docs", folder / "html"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_each_page_is_in_the_site_and_can_be_reached(site: Path) -> None:
    pages = {
        page.relative_to(ROOT / "docs").with_suffix(".html") for page in ROOT.glob("docs/**/*.md")
    }

    navigation = (site / "index.html").read_text(encoding="utf-8")

    for page in pages:
        assert (site / page).is_file()
        assert page.name == "index.html" or f'href="{page.as_posix()}' in navigation, page


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    loads = re.compile(r'<(?:script|img|link|iframe)\b[^>]*(?:src|href)="(?:https?:)?//')

    assert not [page.name for page in site.glob("**/*.html") if loads.search(page.read_text())]
