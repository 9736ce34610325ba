"""An endpoint that speaks files and batches, and can fail at any of them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from judge.testing import Answer, Received, chat_completion, fault, verdict

Line: TypeAlias = Mapping[str, object]
Interfere: TypeAlias = Callable[["BatchStub", Received], Answer | None]

_BOUNDARY = re.compile(r'boundary="?([^";]+)')


def answered(custom_id: str, text: str = "", *, status: int = 200) -> Line:
    """Return a line of an output file."""
    body = chat_completion(text or verdict(rationale=custom_id))
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": f"line-{custom_id}", "custom_id": custom_id, "response": response, "error": None}


def refused(custom_id: str, *, status: int, code: str = "") -> Line:
    """Return a line of an error file that holds an answer with another status."""
    response = {"status_code": status, "request_id": "r", "body": fault("no", code=code)}
    return {"id": f"line-{custom_id}", "custom_id": custom_id, "response": response, "error": None}


def unasked(custom_id: str, *, code: str = "batch_expired") -> Line:
    """Return a line of an error file of a question that was not asked."""
    error = {"code": code, "message": "this request could not be executed"}
    return {"id": f"line-{custom_id}", "custom_id": custom_id, "response": None, "error": error}


@dataclass(slots=True, kw_only=True)
class StubBatch:
    """A batch at the stub."""

    batch_id: str
    input_file_id: str
    custom_ids: list[str]
    looks: int = 0
    output: bytes = b""
    errors: bytes = b""
    metadata: object = None
    faults: list[Line] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class BatchStub:
    """The responder of a `FakeEndpoint` that speaks ``/v1/files`` and ``/v1/batches``.

    Attributes:
        stages: how a batch stands at each look; the last one ever after.
        lines: the lines of output and error file of a batch, by its custom ids; None for an
            answer to each.
        raw: what is done to the bytes of an output file.
        interfere: what is answered instead, without anything being done; None for nothing.
        lose: whether a request is done, and its answer lost.
        charged: how often each question was put into a batch that was begun.
    """

    stages: list[str] = field(default_factory=lambda: ["validating", "in_progress", "completed"])
    lines: Callable[[int, list[str]], tuple[list[Line], list[Line]]] | None = None
    raw: Callable[[bytes], bytes] = bytes
    interfere: Interfere = lambda _stub, _received: None
    lose: Callable[[Received], bool] = lambda _: False
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, StubBatch] = field(default_factory=dict)
    charged: dict[str, int] = field(default_factory=dict)

    def __call__(self, received: Received) -> Answer:
        if (instead := self.interfere(self, received)) is not None:
            return instead
        answer = self._done(received)
        return Answer(reset=True) if self.lose(received) else answer

    def _done(self, received: Received) -> Answer:
        path, _, query = received.path.partition("?")
        match (received.method, *path.removeprefix("/v1/").split("/")):
            case ("POST", "files"):
                return self._uploaded(received)
            case ("POST", "batches"):
                return self._created(received)
            case ("GET", "batches"):
                return self._listed(query)
            case ("GET", "batches", batch_id):
                return self._looked_at(batch_id)
            case ("GET", "files", file_id, "content"):
                return self._content(file_id)
            case _:
                return Answer(status=405, body=fault("not here"))

    def _uploaded(self, received: Received) -> Answer:
        found = _BOUNDARY.search(received.headers["content-type"])
        assert found is not None
        file_id = f"file-{len(self.files) + 1}"
        for part in received.content.split(b"--" + found[1].encode()):
            head, _, content = part.partition(b"\r\n\r\n")
            if b"filename=" in head:
                self.files[file_id] = content.removesuffix(b"\r\n")
        return Answer(body={"id": file_id, "object": "file", "purpose": "batch"})

    def _created(self, received: Received) -> Answer:
        file_id = str(received.body["input_file_id"])
        if file_id not in self.files:
            return Answer(status=400, body=fault("there is no such file"))
        asked = [json.loads(line) for line in self.files[file_id].splitlines()]
        batch = StubBatch(
            batch_id=f"batch-{len(self.batches) + 1}",
            input_file_id=file_id,
            custom_ids=[line["custom_id"] for line in asked],
            metadata=received.body["metadata"],
        )
        for name in batch.custom_ids:
            self.charged[name] = self.charged.get(name, 0) + 1
        if self.lines is None:
            output, errors = [answered(name) for name in batch.custom_ids], list[Line]()
        else:
            output, errors = self.lines(len(self.batches), batch.custom_ids)
        batch.output, batch.errors = self.raw(_jsonl(output)), _jsonl(errors)
        self.batches[batch.batch_id] = batch
        return Answer(body=self._state(batch))

    def _listed(self, query: str) -> Answer:
        after = re.search(r"after=([^&]+)", query)
        newest = list(self.batches.values())[::-1]
        names = [batch.batch_id for batch in newest]
        start = names.index(after[1]) + 1 if after else 0
        page = [self._state(batch) for batch in newest[start : start + 2]]
        return Answer(body={"object": "list", "data": page, "has_more": start + 2 < len(names)})

    def _looked_at(self, batch_id: str) -> Answer:
        if (batch := self.batches.get(batch_id)) is None:
            return Answer(status=404, body=fault("no such batch"))
        batch.looks += 1
        return Answer(body=self._state(batch))

    def _state(self, batch: StubBatch) -> dict[str, object]:
        status = self.stages[min(batch.looks, len(self.stages)) - 1 if batch.looks else 0]
        over = status in {"completed", "expired", "cancelled"}
        return {
            "id": batch.batch_id,
            "object": "batch",
            "status": status,
            "input_file_id": batch.input_file_id,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 0,
            "metadata": batch.metadata,
            "output_file_id": f"{batch.batch_id}-output" if over and batch.output else None,
            "error_file_id": f"{batch.batch_id}-errors" if over and batch.errors else None,
            "errors": {"object": "list", "data": batch.faults} if status == "failed" else None,
        }

    def _content(self, file_id: str) -> Answer:
        batch = self.batches[file_id.rpartition("-")[0]]
        content = batch.output if file_id.endswith("-output") else batch.errors
        return Answer(body=content, headers={"content-type": "application/octet-stream"})


def _jsonl(lines: list[Line]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
