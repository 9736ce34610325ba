import pytest
from pydantic import ValidationError

from judge.web.submitting import ConfigOrJobSent, ConfigSent


@pytest.mark.parametrize("given", [{}, {"config": "a", "config_path": "b"}])
def test_a_config_is_sent_or_named_and_not_both(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give either"):
        ConfigSent.model_validate(given)


@pytest.mark.parametrize("given", [{}, {"config": "a", "job_id": "b"}])
def test_where_a_job_may_be_named_there_is_one_of_three(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give one of"):
        ConfigOrJobSent.model_validate(given)


def test_files_go_with_a_config_that_is_sent() -> None:
    with pytest.raises(ValidationError, match="files belong to a config"):
        ConfigSent.model_validate({"config_path": "x", "files": {"a.jsonl": ""}})


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/x",
        ".x",
        "",
        "a/../b",
        "a//b",
        "a/.b",
        "a\\b",
        "a/b/c/d/e",
        "judge.yaml",
        "x" * 101,
    ],
)
def test_a_file_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError, match="no name for a file"):
        ConfigSent.model_validate({"config": "x", "files": {name: ""}})


@pytest.mark.parametrize("names", [["a", "a/b"], ["judge.yaml/a"]])
def test_no_file_is_a_folder_at_once(names: list[str]) -> None:
    with pytest.raises(ValidationError, match="a file and a folder at once"):
        ConfigSent.model_validate({"config": "x", "files": dict.fromkeys(names, "")})
