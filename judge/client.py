"""A client of the service: submit a job, follow it, fetch what came of it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from judge.errors import InputError

if TYPE_CHECKING:
    import httpx2

_TIMEOUT_S = 60.0
_LOOK_S = 0.5
_RATINGS_PAGE = 1000
_TOO_OFTEN = "too_many_requests"
_OVER = frozenset({"finished", "incomplete", "failed", "cancelled", "paused"})


def _files_named(config: Path, text: str) -> dict[str, str]:
    """Return the texts of the files that a config leads to, by their path below its folder."""
    folder = config.parent
    there = sorted(folder.iterdir())
    beside = {
        one.name: one.read_text(encoding="utf-8")
        for one in there
        if one.is_file() and one != config and one.name in text
    }
    folders = [re.escape(one.name) for one in there if one.is_dir() and one.name[0] != "."]
    if not folders:
        return beside
    # Rows of items name the files of their schemas. Rows are data: none leads out of these folders.
    below = re.compile(
        rf"(?<![\w./-])(?:\./)?((?:{'|'.join(folders)})(?:/[A-Za-z0-9][\w.-]*)+)(?![\w./-])"
    )
    named = {name for one in (text, *beside.values()) for name in below.findall(one)}
    return beside | {
        name: (folder / name).read_text(encoding="utf-8")
        for name in sorted(named)
        if (folder / name).is_file()
    }


class ServiceError(InputError):
    """The service refused a request, or could not be reached.

    Attributes:
        status: of HTTP; 0 where there was no answer.
        code: names the reason, as in the service's own documentation.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "unreachable") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class RemoteJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the service told it.

    Attributes:
        state: queued, running, paused, finished, incomplete, failed or cancelled.
        done: outcomes there are.
        total: outcomes there will be; 0 until that is known.
    """

    job_id: str
    name: str
    state: str
    priority: int
    submitted: str
    changed: str
    run_id: str
    done: int
    total: int
    error: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens unless somebody asks for it."""
        return self.state in _OVER


class RemoteValidation(RemoteJob, frozen=True, kw_only=True):
    """A validation as the service told it.

    Attributes:
        of: the job whose judge it is; empty where a config was sent.
        standing: of the judge; None until it is finished.
        result: what was found, as ``judge validate -o validation.json`` writes it; None until it
            is finished.
    """

    of: str
    standing: str | None
    result: dict[str, object] | None


class KeptRatings(msgspec.Struct, frozen=True, kw_only=True):
    """What became of ratings that were sent: new ones, known ones, and those that were replaced."""

    new: int
    repeated: int
    replaced: int


class Client:
    """Speaks to one service.

    Args:
        server: its address, for example ``http://127.0.0.1:8000``.
        key: made with ``judge keys create``.
        sleep: waits for so many seconds: between looks, and where the service is asked too often.
    """

    def __init__(
        self, server: str, *, key: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import httpx2  # 0.1 s to import

        self._sleep = sleep
        self._http = httpx2.Client(
            base_url=server.rstrip("/"),
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def submit(
        self,
        *,
        config: str | None = None,
        files: Mapping[str, str] | None = None,
        config_path: str | None = None,
        options: Mapping[str, object] | None = None,
        idempotency_key: str = "",
    ) -> RemoteJob:
        """Submit a job.

        Args:
            config: as YAML, with its files; or
            files: their texts, by name.
            config_path: of a config on the server.
            options: priority, limit, sample, seed, filters, max_cost.
            idempotency_key: under which it is one job, however often it is sent.

        Raises:
            ServiceError: it was refused.
        """
        given = {"config": config, "files": dict(files or {}), "config_path": config_path}
        body = {**given, **(options or {})}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._job("POST", "/v1/jobs", body=body, headers=headers)

    def submit_files(
        self,
        path: Path,
        *,
        options: Mapping[str, object] | None = None,
        idempotency_key: str = "",
    ) -> RemoteJob:
        """Submit a config of this machine with the files it names, and those that they name.

        Those are files that lie beside it, and in folders beside it.

        Raises:
            ServiceError: it was refused.
            OSError: a file cannot be read.
        """
        text = path.read_text(encoding="utf-8")
        return self.submit(
            config=text,
            files=_files_named(path, text),
            options=options,
            idempotency_key=idempotency_key,
        )

    def job(self, job_id: str) -> RemoteJob:
        """Return how a job stands."""
        return self._job("GET", f"/v1/jobs/{job_id}")

    def wait(
        self, job_id: str, *, watcher: Callable[[RemoteJob], None] = lambda _: None
    ) -> RemoteJob:
        """Return a job when it is over; tell the watcher how it stands meanwhile."""
        while not (found := self.job(job_id)).is_over:
            watcher(found)
            self._sleep(_LOOK_S)
        watcher(found)
        return found

    def pause(self, job_id: str) -> RemoteJob:
        """Finish what is in flight, and send nothing new."""
        return self._job("POST", f"/v1/jobs/{job_id}/pause")

    def resume(self, job_id: str, *, retry_failed: bool = False) -> RemoteJob:
        """Let a job go on."""
        return self._job("POST", f"/v1/jobs/{job_id}/resume", body={"retry_failed": retry_failed})

    def retry(self, job_id: str) -> RemoteJob:
        """Score again what failed in a job."""
        return self._job("POST", f"/v1/jobs/{job_id}/retry")

    def cancel(self, job_id: str) -> RemoteJob:
        """Cancel a job for good; what it has scored stays."""
        return self._job("POST", f"/v1/jobs/{job_id}/cancel")

    def results(self, job_id: str) -> Iterator[dict[str, object]]:
        """Yield every outcome of a job in the order they were kept."""
        after: str | None = "0"
        while after is not None:
            answer = self._ask("GET", f"/v1/jobs/{job_id}/results?after={after}")
            for line in answer.content.splitlines():
                yield msgspec.json.decode(line, type=dict[str, object])
            after = answer.headers.get("x-next")

    def report(self, run_id: str, *, form: str = "json") -> bytes:
        """Return the report of a run, as ``json``, ``md`` or ``jsonl``."""
        return self._ask("GET", f"/v1/runs/{run_id}/report?format={form}").content

    def score(
        self,
        records: Sequence[Mapping[str, object]],
        *,
        job_id: str | None = None,
        config: str | None = None,
        files: Mapping[str, str] | None = None,
        config_path: str | None = None,
        max_cost: float | None = None,
    ) -> dict[str, object]:
        """Score a few records now.

        Args:
            records: each with ``id`` and ``output``, and of ``input``, ``references``,
                ``teacher_output``, ``opponent``, ``schema`` and ``system`` what there is.
            job_id: the job whose config says how; or
            config: as YAML, with its files; or
            files: their texts, by name.
            config_path: of a config on the server.
            max_cost: US dollars it may spend.

        Returns:
            ``measures``, each with whether its judge is trusted and why, and ``records``, each
            with its ``outcomes`` by metric.

        Raises:
            ServiceError: it was refused.
        """
        body = {
            "records": list(records),
            "max_cost": max_cost,
            **_given(job_id, config, files, config_path),
        }
        return self._object("POST", "/v1/score", body=body)

    def validate(
        self,
        *,
        job_id: str | None = None,
        config: str | None = None,
        files: Mapping[str, str] | None = None,
        config_path: str | None = None,
        controls: bool = False,
        max_cost: float | None = None,
        idempotency_key: str = "",
    ) -> RemoteValidation:
        """Have a judge measured against ratings by people; `wait` for it like for a job.

        Args:
            job_id: the job whose judge it is; or
            config: as YAML with ``ratings:``, with its files; or
            files: their texts, by name.
            config_path: of a config on the server.
            controls: also try the judge with null answers and attacks.
            max_cost: US dollars it may spend.
            idempotency_key: under which it is one validation, however often it is sent.

        Raises:
            ServiceError: it was refused.
        """
        body = {
            "controls": controls,
            "max_cost": max_cost,
            **_given(job_id, config, files, config_path),
        }
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        answer = self._ask("POST", "/v1/validations", body=body, headers=headers)
        return msgspec.json.decode(answer.content, type=RemoteValidation)

    def validation(self, validation_id: str) -> RemoteValidation:
        """Return how a validation stands and, when it is finished, what it found."""
        answer = self._ask("GET", f"/v1/validations/{validation_id}")
        return msgspec.json.decode(answer.content, type=RemoteValidation)

    def rate(
        self, job_id: str, ratings: Sequence[Mapping[str, object]], *, replace: bool = False
    ) -> KeptRatings:
        """Send ratings of the outputs of a job: all are kept, or none; twice is once.

        Args:
            job_id: the job.
            ratings: each with ``id``, ``system``, ``rater``, ``label`` and ``source``, and what
                else a row of a file of ratings has.
            replace: whether a rater takes back what was said before.

        Raises:
            ServiceError: one of them cannot be used; the message names it.
        """
        body = {"job_id": job_id, "ratings": list(ratings), "replace": replace}
        answer = self._ask("POST", "/v1/ratings", body=body)
        return msgspec.json.decode(answer.content, type=KeptRatings)

    def ratings(self, job_id: str) -> Iterator[dict[str, object]]:
        """Yield the last word of each rater on each output of a job."""
        after, total = 0, 1
        while after < total:
            path = f"/v1/ratings?job_id={job_id}&after={after}&limit={_RATINGS_PAGE}"
            found = msgspec.json.decode(self._ask("GET", path).content, type=_RatingsPage)
            yield from found.ratings
            after, total = after + _RATINGS_PAGE, found.total

    def _object(self, method: str, path: str, *, body: object = None) -> dict[str, object]:
        answer = self._ask(method, path, body=body)
        return msgspec.json.decode(answer.content, type=dict[str, object])

    def _job(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> RemoteJob:
        answer = self._ask(method, path, body=body, headers=headers)
        return msgspec.json.decode(answer.content, type=RemoteJob)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> "httpx2.Response":
        import httpx2

        while True:
            try:
                answer = self._http.request(method, path, json=body, headers=dict(headers or {}))
            except httpx2.HTTPError as error:
                raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error
            if answer.is_success:
                return answer
            refusal = _refusal(answer)
            if refusal.code != _TOO_OFTEN:
                raise refusal
            self._sleep(float(answer.headers.get("retry-after", "1")))


class _RatingsPage(msgspec.Struct, frozen=True):
    ratings: list[dict[str, object]]
    total: int


def _given(
    job_id: str | None,
    config: str | None,
    files: Mapping[str, str] | None,
    config_path: str | None,
) -> dict[str, object]:
    return {
        "job_id": job_id,
        "config": config,
        "files": dict(files or {}),
        "config_path": config_path,
    }


def _refusal(answer: "httpx2.Response") -> ServiceError:
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, object])
    except msgspec.DecodeError:
        said = {}
    detail = str(said.get("detail") or f"the server answered {answer.status_code}")
    code = str(said.get("code") or "refused")
    return ServiceError(detail, status=answer.status_code, code=code)
