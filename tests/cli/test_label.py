import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import httpx2

from judge.testing import FakeEndpoint


def test_labels_that_were_given_on_the_page_are_read_by_validate(
    folder: Path,
    judge: Callable[..., CompletedProcess[str]],
    write_set: Callable[..., None],
    serving: Callable[..., AbstractContextManager[FakeEndpoint]],
) -> None:
    write_set(12)
    with serving():
        judge("run", "judge.yaml")
        command = [sys.executable, "-m", "judge", "label", "judge.yaml", "--labels", "6"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ}
        ) as process:
            assert process.stdout is not None
            link = next(line.split()[-1] for line in process.stdout if line.startswith("open once"))
            address = link.partition("/enter")[0]
            with httpx2.Client(base_url=address, trust_env=False, timeout=30) as http:
                http.get(link)
                n_rows = http.get("/tasks/0").json()["of"]
                for number in range(n_rows):
                    row = http.get(f"/tasks/{number}").json()
                    assert set(row) == {
                        *("number", "input", "against", "output", "label", "comment", "skipped"),
                        *("place", "of", "done", "skips", "before", "after", "more"),
                    }
                    label = "different" if "wrong" in row["output"] else "equivalent"
                    http.put(f"/tasks/{number}", json={"label": label})
            process.send_signal(signal.SIGINT)
            said = process.stdout.read()
        section = said.split("ratings: ")[1].splitlines()[0]
        config = folder / "judge.yaml"
        config.write_text(config.read_text() + f"ratings: {section}\n")
        validated = judge("validate", "judge.yaml", "--json")

    assert process.returncode == 0
    assert f"{n_rows} of {n_rows} rows done" in said
    assert json.loads(validated.stdout)["agreement"]["percent"]["value"] == 1.0
