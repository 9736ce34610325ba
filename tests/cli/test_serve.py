import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import httpx2
import pytest


def test_a_service_starts_answers_and_ends_when_it_is_asked_to(folder: Path) -> None:
    command = [sys.executable, "-m", "judge", "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        address = re.search(r"serving on (\S+);", process.stdout.readline())
        link = process.stdout.readline().split()[-1]
        assert address is not None
        try:
            with httpx2.Client(trust_env=False, follow_redirects=True) as http:
                page = _when_it_answers(http, link)
        finally:
            process.send_signal(signal.SIGINT)
        code = process.wait(30)

    assert "Nothing was submitted here yet" in page
    assert code == 0
    assert (folder / ".judge" / "service" / "key-secret").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "0.0.0.0"), "unencrypted"),  # noqa: S104 - it is refused
        (("--endpoint", "somewhere"), "ORIGIN=VARIABLE"),
    ],
)
def test_what_would_not_be_safe_does_not_start(
    words: tuple[str, ...], said: str, judge: Callable[..., CompletedProcess[str]]
) -> None:
    found = judge("serve", *words)

    assert (found.returncode, said in found.stderr) == (2, True)


def _when_it_answers(http: httpx2.Client, link: str) -> str:
    return http.get(link, timeout=30).text
