"""What every submission has in common: a config that is sent or named, and being kept once."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, model_validator

from judge.api.project import Project
from judge.results.job import Job, JobKind
from judge.results.sql_service import new_job_id
from judge.results.store import timestamp
from judge.web.access import Caller
from judge.web.problems import Problem
from judge.web.server import Server
from judge.wiring.serving import CONFIG_NAME

# Of the file and of the folders it is in; none is hidden, and none leads upwards.
_FILE_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}(?:/[A-Za-z0-9][\w.-]{0,99}){0,3}")


class ConfigSent(BaseModel):
    """A config with its files, or the path of one on the server."""

    model_config = ConfigDict(extra="forbid")

    config: str | None = Field(default=None, description="a config, as YAML")
    files: dict[str, str] = Field(
        default_factory=dict,
        description="texts of the files it names, by name or by path below the config",
    )
    config_path: str | None = Field(
        default=None, description="instead: a config in a folder that the server allows"
    )

    @model_validator(mode="after")
    def _one_config(self) -> "ConfigSent":
        self._check_config()
        if self.files and self.config is None:
            raise ValueError("files belong to a config that is sent with them")
        folders = {str(folder) for name in self.files for folder in PurePosixPath(name).parents}
        for name in self.files:
            if not _FILE_NAME.fullmatch(name) or name == CONFIG_NAME:
                raise ValueError(
                    f"{name[:100]!r} is no name for a file: letters, digits, . _ -, and at most "
                    "three folders before it"
                )
            if name in folders or CONFIG_NAME in folders:
                raise ValueError(f"{name[:100]!r} is a file and a folder at once")
        return self

    def _check_config(self) -> None:
        if (self.config is None) == (self.config_path is None):
            raise ValueError("give either config, with files, or config_path")


class ConfigOrJobSent(ConfigSent):
    """A config with its files, the path of one on the server, or a job that has one."""

    job_id: str | None = Field(
        default=None, max_length=100, description="instead: a job, whose config it is"
    )

    def _check_config(self) -> None:
        given = [one for one in (self.config, self.config_path, self.job_id) if one is not None]
        if len(given) != 1:
            raise ValueError("give one of config, with files, config_path, and job_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What somebody submits.

    Attributes:
        options: how it is run; see `Job.options`.
        idempotency_key: under which it is one job; empty for none.
        config_path: of the config, where it lies on the server already; else it was sent.
        check: refuses what cannot be run although it can be read.
    """

    sent: ConfigSent
    options: Mapping[str, object]
    kind: JobKind = JobKind.SCORING
    priority: int = 0
    idempotency_key: str = ""
    config_path: str | None = None
    check: Callable[[Project], None] = lambda _: None


def submit_once(server: Server, caller: Caller, submission: Submission) -> tuple[Job, bool]:
    """Keep a submission as a job; return the job, and whether it is new.

    All that it names is read and checked before anything is kept; of what is refused, nothing is.

    Raises:
        InputError: it cannot be run.
        Problem: under its idempotency key another job was submitted.
    """
    fingerprint = _fingerprint(submission)
    job_id = new_job_id(submission.kind)
    folder = server.rules.folder / job_id
    try:
        path = submission.config_path or kept_config(server, submission.sent, folder)
        submitted = Job(
            job_id=job_id,
            workspace=caller.workspace,
            name="",
            priority=submission.priority,
            config_path=str(path),
            options=json.dumps(submission.options, separators=(",", ":")),
            submitted=(now := timestamp()),
            changed=now,
            fingerprint=fingerprint,
            idempotency_key=submission.idempotency_key,
        )
        project = server.opener(submitted, None)
        submission.check(project)
        kept = server.store.service.submit(
            replace(submitted, name=project.name), most=server.limits.jobs
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # nothing half-stored
        raise
    if kept.job_id != job_id:
        shutil.rmtree(folder, ignore_errors=True)
        if kept.fingerprint != fingerprint:
            raise Problem(
                409,
                "idempotency_conflict",
                f"under this Idempotency-Key something else was submitted: {kept.job_id}",
            )
        return kept, False
    server.store.service.note(
        who=caller.key_id,
        workspace=caller.workspace,
        what=f"{submission.kind}.submit",
        about=kept.job_id,
        details={"name": kept.name},
    )
    server.dispatcher.poke()
    return kept, True


def kept_config(server: Server, sent: ConfigSent, folder: Path) -> Path:
    """Return where the config that is sent lies now, with its files beside it.

    Raises:
        ConfigError: it names what it may not.
    """
    if sent.config is None:
        return server.rules.config_at(sent.config_path or "")
    server.rules.check(sent.config, folder=folder)
    folder.mkdir(parents=True, mode=0o700)
    for name, text in {CONFIG_NAME: sent.config, **sent.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text, encoding="utf-8")
    return folder / CONFIG_NAME


def _fingerprint(submission: Submission) -> str:
    body = [submission.kind, submission.sent.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
