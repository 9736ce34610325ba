"""The public human-rated data, where it lies; without it these tests are skipped."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Return the folder with the public data sets."""
    folder = Path(os.environ.get("JUDGE_DATA", _BESIDE))
    if not folder.is_dir():
        pytest.skip(f"the public data is not at {folder}; set JUDGE_DATA to its folder")
    return folder.resolve()
