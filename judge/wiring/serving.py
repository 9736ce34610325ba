"""What a service may read and whom it may ask: a config from outside is not to be trusted."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

import yaml

from judge.api.project import Project
from judge.api.rating import sent_ratings
from judge.config import JudgeSection, PanelSection, parse_config
from judge.errors import ConfigError
from judge.models.door import origin_of
from judge.models.limits import SharedTurns
from judge.records.dataset import Dataset
from judge.records.rows import Row
from judge.results.job import Job, JobKind
from judge.results.run import RunManifest
from judge.results.sql import SqlStore
from judge.wiring.endpoint import CallLimits, endpoint_of
from judge.wiring.project import open_project, project_of, reopen_project

OPENAI_ORIGIN = "https://api.openai.com"
OPENAI_KEY = "OPENAI_API_KEY"
CONFIG_NAME = "judge.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRules:
    """What configs that are submitted may name.

    Attributes:
        folder: where what is submitted is kept, a folder for each job.
        roots: folders on the server whose configs may be run.
        endpoints: origin of each endpoint that may be asked: the environment variable that holds
            the key to it.
        connections: most calls in flight at one endpoint.
        turns: the jobs of a process share, each when it may ask an endpoint.
    """

    folder: Path
    roots: Sequence[Path] = ()
    endpoints: Mapping[str, str]
    connections: int
    turns: SharedTurns = field(default_factory=SharedTurns)

    def check(self, text: str, *, folder: Path) -> None:
        """Refuse a config that names a file or an endpoint which it may not.

        Raises:
            ConfigError: it does, or it is no readable config.
        """
        try:
            raw = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ConfigError("the config is no readable YAML") from error
        for place, value in _texts(raw, ""):
            if "${" in value:
                raise ConfigError(f"{place}: variables of the server's environment stay there")
            self._check_path(place, value, folder=folder)
        for place, section in _sections(raw, ""):
            if "base_url" in section or "api_key_env" in section:
                self._check_endpoint(
                    place,
                    str(
                        section.get("base_url") or os.environ.get("OPENAI_BASE_URL", OPENAI_ORIGIN)
                    ),
                    str(section.get("api_key_env", OPENAI_KEY)),
                )
        config = parse_config(text, name=CONFIG_NAME)
        for name, judged in config.scorers.all_judged.items():
            panel = judged.judge.panel.values() if isinstance(judged.judge, PanelSection) else ()
            for asked in (judged.judge, *panel):
                if isinstance(asked, JudgeSection):
                    self._check_endpoint(name, endpoint_of(asked)[0], asked.api_key_env)

    def config_at(self, path: str) -> Path:
        """Return a config on the server that may be run.

        Raises:
            ConfigError: it lies in none of the folders that may be read; whether it exists is not
                said.
        """
        wanted = Path(path).resolve()
        if not any(wanted.is_relative_to(root.resolve()) for root in self.roots):
            known = ", ".join(str(root) for root in self.roots) or "none"
            raise ConfigError(f"config_path must lie in a folder this server allows: {known}")
        return wanted

    def _check_path(self, place: str, value: str, *, folder: Path) -> None:
        posix, windows = PurePosixPath(value), PureWindowsPath(value)
        is_absolute = (posix.is_absolute() and len(value) > 1) or bool(windows.drive)
        if not is_absolute and ".." not in {*posix.parts, *windows.parts}:
            return
        try:
            wanted = (folder / value).resolve()
        except ValueError as error:  # a NUL is in it
            raise ConfigError(f"{place}: {value[:100]!r} is the name of no file") from error
        if not any(wanted.is_relative_to(root.resolve()) for root in (folder, *self.roots)):
            raise ConfigError(f"{place}: {value[:100]!r} lies outside of what may be read here")

    def _check_endpoint(self, place: str, base_url: str, key_name: str) -> None:
        origin = origin_of(base_url)
        if origin not in self.endpoints:
            known = ", ".join(self.endpoints) or "none"
            raise ConfigError(f"{place}: this server may not ask {origin}; it may ask: {known}")
        if key_name != self.endpoints[origin]:
            raise ConfigError(
                f"{place}.api_key_env: the key to {origin} is in {self.endpoints[origin]} here"
            )


def open_job(
    rules: ServerRules, store: SqlStore, job: Job, manifest: RunManifest | None
) -> Project:
    """Return the project of a job, from its config or, once it has begun, from its run.

    Raises:
        InputError: it cannot be run.
    """
    if manifest is not None:
        return reopen_project(manifest, store, calls=_calls(rules, job))
    sent: Sequence[Row] = ()
    if job.kind is JobKind.VALIDATION and (of := json.loads(job.options).get("of")):
        sent = sent_ratings(store, of)
    return open_rated(rules, job, sent)


def open_rated(rules: ServerRules, job: Job, sent: Sequence[Row]) -> Project:
    """Return the project of a job from its config, with ratings that were sent of its outputs.

    Raises:
        InputError: it cannot be run, or the ratings cannot be used.
    """
    options = json.loads(job.options)
    path = Path(job.config_path)
    rules.check(text_of(path), folder=path.parent)
    return open_project(
        path,
        limit=options.get("limit"),
        filters=options.get("filters"),
        sample=options.get("sample"),
        seed=options.get("seed"),
        calls=_calls(rules, job),
        sent=sent,
    )


def open_few(
    rules: ServerRules, path: Path, dataset: Dataset, *, max_cost: float | None
) -> Project:
    """Return a project of a few records that are given, scored as a config says.

    Raises:
        InputError: the config cannot be used, or names what it may not.
    """
    text = text_of(path)
    rules.check(text, folder=path.parent)
    calls = CallLimits(connections=rules.connections, max_cost=max_cost)
    return project_of(text, dataset, path=path, calls=calls)


def _calls(rules: ServerRules, job: Job) -> CallLimits:
    max_cost = json.loads(job.options).get("max_cost")
    return CallLimits(connections=rules.connections, max_cost=max_cost, turns=rules.turns)


def text_of(path: Path) -> str:
    """Return the text of a config.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the config {path.name} cannot be read") from error


def _texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _texts(member, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _texts(member, f"{place}.{number}")


def _sections(value: object, place: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    if isinstance(value, dict):
        yield place, value
        for key, member in value.items():
            yield from _sections(member, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _sections(member, f"{place}.{number}")
