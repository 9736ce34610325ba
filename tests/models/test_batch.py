import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from judge.errors import (
    AccessDenied,
    EndpointPaused,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    QuotaExhausted,
    RateLimited,
    ScoringError,
    StoreError,
)
from judge.models.batch import BATCH_KIND, Batched, BatchLog
from judge.models.batch_endpoint import BatchEndpoint
from judge.models.chat import ChatCall, Completion, Message, ReplyFormat, Sampling
from judge.results.sql import SqlStore
from judge.testing import Answer, FakeEndpoint, Received, fault
from tests.models.batch_stub import BatchStub, Line, answered, refused, unasked

KEY = "sk-secret-0123456789"


def calls(number: int) -> list[ChatCall]:
    return [
        ChatCall(
            call_id=f"call {place}",
            messages=(Message(role="user", content=f"Is it {place}?"),),
            sampling=Sampling(max_tokens=77),
        )
        for place in range(number)
    ]


class _Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class _Log:
    """A log that outlives processes, and at which one may be killed."""

    kept: dict[str, bytes] = field(default_factory=dict)
    kill_before: int = 0
    kill_after: int = 0
    written: int = 0

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        assert kind == BATCH_KIND
        self.written += 1
        if self.written == self.kill_before:
            raise _Killed
        self.kept.pop(document_id, None)
        self.kept[document_id] = body
        if self.written == self.kill_after:
            raise _Killed

    def documents(self, kind: str) -> Sequence[bytes]:
        return list(self.kept.values())


@dataclass(slots=True)
class _Time:
    """A clock that goes on when somebody sleeps."""

    now: float = 1_000_000.0
    slept_s: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now += seconds
        for _ in range(3):
            await asyncio.sleep(0)


def batched(
    base_url: str,
    log: BatchLog,
    *,
    time: _Time | None = None,
    most_calls: int = 1000,
    most_bytes: int = 1_000_000,
    run_id: str = "r1",
    replay: bool = True,
) -> Batched:
    time = time or _Time()
    endpoint = BatchEndpoint(
        "tested-judge",
        base_url=base_url,
        api_key=KEY,
        reply_format=ReplyFormat.TEXT,
        identity={"model": "tested-judge", "endpoint": "stub"},
    )
    return Batched(
        endpoint,
        log,
        run_id=run_id,
        replay=replay,
        most_calls=most_calls,
        most_bytes=most_bytes,
        sleep=time.sleep,
        clock=lambda: time.now,
    )


Ended = list[Completion | BaseException]


def ask(
    stub: BatchStub,
    asked: Sequence[ChatCall],
    log: BatchLog | None = None,
    *,
    time: _Time | None = None,
    most_calls: int = 1000,
    run_id: str = "r1",
    replay: bool = True,
) -> Ended:
    """Ask all at once, in a process of its own; return how each ended."""

    async def at_once(base_url: str) -> Ended:
        model = batched(
            base_url, log or _Log(), time=time, most_calls=most_calls, run_id=run_id, replay=replay
        )
        try:
            return await asyncio.gather(
                *(model.complete(call) for call in asked), return_exceptions=True
            )
        finally:
            await model.close()

    with FakeEndpoint(stub) as endpoint:
        return asyncio.run(asyncio.wait_for(at_once(endpoint.base_url), timeout=60))


def ask_twice(
    stub: BatchStub, asked: Sequence[ChatCall], log: _Log | None = None
) -> tuple[Ended, Ended]:
    """Ask all at once, and those that were unavailable a second time."""

    async def twice(base_url: str) -> tuple[Ended, Ended]:
        model = batched(base_url, log or _Log())
        try:
            first = await asyncio.gather(
                *(model.complete(call) for call in asked), return_exceptions=True
            )
            again = [
                model.complete(call)
                for call, end in zip(asked, first, strict=True)
                if isinstance(end, JudgeUnavailable)
            ]
            return first, await asyncio.gather(*again, return_exceptions=True)
        finally:
            await model.close()

    with FakeEndpoint(stub) as endpoint:
        return asyncio.run(asyncio.wait_for(twice(endpoint.base_url), timeout=60))


def texts(ended: Ended) -> list[str]:
    return [end.text if isinstance(end, Completion) else repr(end) for end in ended]


def all_answered(ended: Ended) -> bool:
    return all(isinstance(end, Completion) for end in ended)


def rationale(end: Completion | BaseException) -> str:
    assert isinstance(end, Completion), end
    return str(json.loads(end.text)["rationale"])


def test_calls_that_are_made_at_once_are_one_batch_and_each_gets_its_own_answer() -> None:
    stub = BatchStub()

    ended = ask(stub, calls(20))

    (batch,) = stub.batches.values()
    assert [rationale(end) for end in ended] == batch.custom_ids
    assert len(set(batch.custom_ids)) == 20
    assert batch.metadata == {"judge_run": "r1"}


def test_a_line_asks_what_a_single_call_would() -> None:
    stub = BatchStub()

    ask(stub, calls(1))

    (content,) = stub.files.values()
    line = json.loads(content)
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["body"] == {
        "model": "tested-judge",
        "messages": [{"role": "user", "content": "Is it 0?"}],
        "max_tokens": 77,
        "temperature": 0.0,
    }
    assert KEY not in content.decode()


def test_the_name_of_a_line_is_the_same_in_each_process_and_another_in_each_run() -> None:
    names = []
    for run_id in ("r1", "r1", "r2"):
        stub = BatchStub()
        ask(stub, calls(3), run_id=run_id)
        names.append([*stub.charged])

    assert names[0] == names[1]
    assert not set(names[0]) & set(names[2])
    assert all(len(name) <= 64 for name in names[0])


def test_more_calls_than_a_batch_may_hold_are_several() -> None:
    stub = BatchStub()

    ended = ask(stub, calls(25), most_calls=10)

    assert all_answered(ended)
    assert sorted(len(batch.custom_ids) for batch in stub.batches.values()) == [5, 10, 10]


def test_more_bytes_than_a_batch_may_hold_are_several() -> None:
    stub = BatchStub()

    async def at_once(base_url: str) -> Ended:
        model = batched(base_url, _Log(), most_bytes=500)
        try:
            return await asyncio.gather(*(model.complete(call) for call in calls(7)))
        finally:
            await model.close()

    with FakeEndpoint(stub) as endpoint:
        ended = asyncio.run(at_once(endpoint.base_url))

    assert all_answered(ended)
    assert len(stub.batches) > 2
    assert all(len(content) <= 500 for content in stub.files.values())


def test_the_order_of_the_answers_does_not_matter() -> None:
    stub = BatchStub(lines=lambda _, names: ([answered(name) for name in names[::-1]], []))

    ended = ask(stub, calls(10))

    assert [rationale(end) for end in ended] == [*stub.charged]


@pytest.mark.parametrize(
    ("end", "of_first"),
    [
        ("completed", lambda _: []),
        ("cancelled", lambda name: [unasked(name, code="batch_cancelled")]),
        ("expired", lambda name: [unasked(name)]),
        ("expired", lambda name: [unasked(name, code="request_timeout")]),
        ("completed", lambda name: [refused(name, status=503)]),
        ("completed", lambda name: [refused(name, status=429)]),
        ("completed", lambda name: [{"custom_id": name}]),
    ],
)
def test_just_what_a_batch_left_unanswered_is_put_into_the_next_one(
    end: str, of_first: Callable[[str], list[Line]]
) -> None:
    stub = BatchStub(
        stages=["validating", end],
        lines=lambda number, names: (
            ([answered(name) for name in names[1:]], of_first(names[0]))
            if number == 0
            else ([answered(name) for name in names], [])
        ),
    )

    first, second = ask_twice(stub, calls(4))

    assert isinstance(first[0], JudgeUnavailable)
    assert all_answered(first[1:])
    assert all_answered(second)
    whole, rest = stub.batches.values()
    assert rest.custom_ids == whole.custom_ids[:1]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (refused("", status=400), JudgeRejected),
        (refused("", status=400, code="context_length_exceeded"), InputTooLong),
        (refused("", status=401), AccessDenied),
        (refused("", status=429, code="insufficient_quota"), QuotaExhausted),
        (refused("", status=429), RateLimited),
        ({**answered(""), "response": {"status_code": 200, "body": {}}}, JudgeUnparseable),
        ({**answered(""), "response": {"status_code": 200, "body": "<html>"}}, JudgeUnparseable),
    ],
)
def test_a_line_is_read_as_strictly_as_any_answer(line: Line, error: type[ScoringError]) -> None:
    stub = BatchStub(lines=lambda _, names: ([{**line, "custom_id": names[0]}], []))

    (ended,) = ask(stub, calls(1))

    assert type(ended) is error


def test_second_and_foreign_answers_and_lines_that_are_none_are_ignored_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub = BatchStub(
        lines=lambda _, names: (
            [
                answered("judge-of-somebody-else"),
                answered(names[0], "first"),
                answered(names[0], "second"),
                answered(names[1], "other"),
            ],
            [unasked(names[1])],
        ),
        raw=lambda content: b"no JSON\n\n[1]\n\xff\xfe\n" + content,
    )

    with caplog.at_level(logging.WARNING):
        ended = ask(stub, calls(2))

    assert texts(ended) == ["first", "other"]
    assert "1 answers to questions that are not in it and 2 second answers" in caplog.text
    assert "3 lines of the file batch-1-output cannot be read" in caplog.text


def test_a_batch_that_is_not_accepted_for_some_lines_costs_only_those() -> None:
    stub = BatchStub(stages=["failed"])

    def name_the_bad_line(stub: BatchStub, received: Received) -> Answer | None:
        for number, batch in enumerate(stub.batches.values()):
            batch.faults = [{"code": "invalid_value", "message": "bad", "line": 2}]
            if number:
                stub.stages = ["completed"]
        return None

    stub.interfere = name_the_bad_line
    first, second = ask_twice(stub, calls(3))

    assert [type(end) for end in first] == [JudgeUnavailable, JudgeRejected, JudgeUnavailable]
    assert all_answered(second)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("token_limit_exceeded", RateLimited),
        ("billing_hard_limit_reached", QuotaExhausted),
        ("model_not_found", JudgeRejected),
    ],
)
def test_a_batch_that_is_not_accepted_says_why(code: str, error: type[ScoringError]) -> None:
    stub = BatchStub(stages=["failed"])

    def fail(stub: BatchStub, received: Received) -> Answer | None:
        for batch in stub.batches.values():
            batch.faults = [{"code": code, "message": "we cannot"}]
        return None

    stub.interfere = fail
    ended = ask(stub, calls(2))

    assert [type(end) for end in ended] == [error] * 2
    assert "we cannot" in str(ended[0])


BROKEN = Answer(status=500, body=fault("oops"))
BUSY = Answer(status=429, body=fault("slow down"), headers={"Retry-After": "77"})


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        ("/v1/batches/batch-1", BROKEN),
        ("/v1/batches/batch-1", BUSY),
        ("/v1/batches/batch-1", Answer(body="<html>")),
        ("/v1/batches/batch-1", Answer(reset=True)),
        ("/v1/files/batch-1-output/content", BROKEN),
        ("/v1/files/batch-1-output/content", BUSY),
        ("/v1/files/batch-1-output/content", Answer(reset=True)),
    ],
)
def test_a_look_that_fails_is_made_again_and_costs_nothing(path: str, trouble: Answer) -> None:
    left = iter(range(12))
    stub = BatchStub(
        interfere=lambda _, received: (
            trouble if received.path == path and next(left, None) is not None else None
        )
    )
    time = _Time()

    ended = ask(stub, calls(3), time=time)

    assert all_answered(ended)
    assert set(stub.charged.values()) == {1}
    assert max(time.slept_s) == 120  # each look is further from the last
    assert (77.0 in time.slept_s) == (trouble is BUSY)


def test_a_batch_that_never_ends_pauses_the_run_and_is_not_paid_for_again() -> None:
    stub, log = BatchStub(stages=["in_progress"]), _Log()

    ended = ask(stub, calls(2), log)
    stub.stages = ["completed"]
    later = ask(stub, calls(2), log)

    assert [type(end) for end in ended] == [EndpointPaused] * 2
    assert "batch-1 has not ended within 26 hours" in str(ended[0])
    assert all_answered(later)
    assert set(stub.charged.values()) == {1}


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=401, body=fault(f"bad key {KEY}")), AccessDenied),
        (Answer(status=400, body=fault("billing", code="billing_hard_limit")), JudgeRejected),
        (Answer(status=307, headers={"location": "https://example.org/"}), JudgeRejected),
        (Answer(status=503, body=fault("later")), JudgeUnavailable),
    ],
)
def test_what_the_endpoint_does_not_take_ends_each_call_with_its_reason(
    path: str, answer: Answer, error: type[ScoringError]
) -> None:
    stub = BatchStub(
        interfere=lambda _, received: (
            answer if (received.method, received.path) == ("POST", path) else None
        )
    )

    ended = ask(stub, calls(2))

    assert [type(end) for end in ended] == [error] * 2
    assert ended[0] is not ended[1]
    assert all(KEY not in str(end) for end in ended)
    assert stub.charged == {}


def test_a_batch_whose_creation_was_not_heard_of_is_found_and_not_begun_again() -> None:
    lost: list[int] = []

    def lose_the_first(received: Received) -> bool:
        if (received.method, received.path) == ("POST", "/v1/batches") and not lost:
            lost.append(received.number)
            return True
        return False

    stub = BatchStub(lose=lose_the_first)
    first, second = ask_twice(stub, calls(3))

    assert [type(end) for end in first] == [JudgeUnavailable] * 3
    assert all(end.possibly_paid for end in first if isinstance(end, JudgeUnavailable))
    assert all_answered(second)
    assert set(stub.charged.values()) == {1}


def _killed_at(
    stub: BatchStub, asked: Sequence[ChatCall], log: _Log, *, kill: Callable[[Received], bool]
) -> bool:
    """Ask in a process that is killed when the endpoint has received a certain request.

    Returns:
        Whether it was killed.
    """
    killed: list[int] = []

    async def until_killed(base_url: str) -> None:
        process = asyncio.current_task()
        assert process is not None
        loop = asyncio.get_running_loop()

        def watch(received: Received) -> bool:
            if kill(received) and not killed:
                killed.append(received.number)
                loop.call_soon_threadsafe(process.cancel)
                return True
            return False

        stub.lose = watch
        model = batched(base_url, log)
        try:
            await asyncio.gather(*(model.complete(call) for call in asked))
        finally:
            stub.lose = lambda _: False
            await model.close()  # as the system would

    with FakeEndpoint(stub) as endpoint:
        try:
            asyncio.run(until_killed(endpoint.base_url))
        except (asyncio.CancelledError, _Killed):
            return True
    return bool(killed)


@pytest.mark.parametrize("request_number", range(1, 8))
def test_a_process_killed_after_any_request_pays_once_for_each_question(
    request_number: int,
) -> None:
    stub, log = BatchStub(), _Log()

    killed = _killed_at(
        stub, calls(5), log, kill=lambda received: received.number == request_number
    )
    ended = ask(stub, calls(5), log)

    # upload, create, three looks, the answers
    assert killed == (request_number <= 6)
    assert all_answered(ended)
    assert set(stub.charged.values()) == {1}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_process_killed_at_any_of_its_notes_pays_once_for_each_question(
    number: int, side: str
) -> None:
    stub, log = BatchStub(), _Log()
    setattr(log, f"kill_{side}", number)

    killed = _killed_at(stub, calls(5), log, kill=lambda _: False)
    ended = ask(stub, calls(5), log)

    assert killed
    assert all_answered(ended)
    assert set(stub.charged.values()) == {1}


def test_a_resumed_run_asks_only_what_no_batch_of_its_own_holds() -> None:
    stub, log = BatchStub(), _Log()
    _killed_at(stub, calls(3), log, kill=lambda received: received.number == 3)

    ended = ask(stub, calls(5), log)

    assert all_answered(ended)
    first, second = stub.batches.values()
    assert (len(first.custom_ids), len(second.custom_ids)) == (3, 2)
    assert set(stub.charged.values()) == {1}


def test_a_batch_is_found_among_many_of_others() -> None:
    stub, log = BatchStub(), _Log(kill_before=2)
    _killed_at(stub, calls(2), log, kill=lambda _: False)
    for place in range(5):
        ask(stub, calls(1), run_id=f"other {place}")

    ended = ask(stub, calls(2), log)

    assert all_answered(ended)
    assert set(stub.charged.values()) == {1}


def test_questions_whose_file_is_gone_are_put_into_a_new_one() -> None:
    stub, log = BatchStub(), _Log(kill_after=1)
    _killed_at(stub, calls(2), log, kill=lambda _: False)
    stub.files["file-of-somebody-else"] = stub.files.pop("file-1")

    first, second = ask_twice(stub, calls(2), log)

    assert [type(end) for end in first] == [JudgeUnavailable] * 2
    assert all_answered(second)
    assert set(stub.charged.values()) == {1}


def test_a_run_that_is_to_ask_anew_does_not_take_the_answers_of_an_earlier_batch() -> None:
    stub, log = BatchStub(), _Log()
    ask(stub, calls(2), log)

    ended = ask(stub, calls(2), log, replay=False)

    assert all_answered(ended)
    assert set(stub.charged.values()) == {2}


def test_a_store_of_runs_keeps_what_a_batch_needs(tmp_path: Path) -> None:
    stub = BatchStub()
    for _ in range(2):
        with SqlStore(tmp_path / "store.db") as store:
            assert all_answered(ask(stub, calls(3), store))

    assert set(stub.charged.values()) == {1}


def test_a_stopped_run_says_that_its_batch_goes_on_and_a_resume_fetches_it() -> None:
    stub, log = BatchStub(stages=["in_progress"]), _Log()

    async def stopped(base_url: str) -> Ended:
        model = batched(base_url, log)
        waiting = [asyncio.create_task(model.complete(call)) for call in calls(3)]
        while not any(batch.looks > 2 for batch in stub.batches.values()):  # noqa: ASYNC110
            await asyncio.sleep(0)
        model.pause()
        late = asyncio.create_task(model.complete(replace(calls(1)[0], call_id="late")))
        try:
            return await asyncio.gather(*waiting, late, return_exceptions=True)
        finally:
            await model.close()

    with FakeEndpoint(stub) as endpoint:
        ended = asyncio.run(stopped(endpoint.base_url))
    stub.stages = ["completed"]
    resumed = ask(stub, calls(3), log)

    assert [type(end) for end in ended] == [EndpointPaused] * 4
    assert "batch batch-1 of 3 questions goes on at the endpoint: judge resume" in str(ended[0])
    assert [end.possibly_paid for end in ended if isinstance(end, EndpointPaused)] == [
        *[True] * 3,
        False,
    ]
    assert all_answered(resumed)
    assert set(stub.charged.values()) == {1}


def test_a_call_that_is_given_up_while_it_is_gathered_is_not_sent() -> None:
    stub = BatchStub()

    async def one_goes(base_url: str) -> Completion:
        model = batched(base_url, _Log())
        first, second = (asyncio.create_task(model.complete(call)) for call in calls(2))
        await asyncio.sleep(0)
        first.cancel()
        try:
            return await second
        finally:
            await model.close()

    with FakeEndpoint(stub) as endpoint:
        asyncio.run(one_goes(endpoint.base_url))

    assert len(stub.charged) == 1


def test_a_batch_that_cannot_be_written_down_is_not_begun() -> None:
    class _Full(_Log):
        def put_document(self, kind: str, document_id: str, body: bytes) -> None:
            raise StoreError("no space left on the device")

    stub = BatchStub()
    ended = ask(stub, calls(2), _Full())

    assert [type(end) for end in ended] == [StoreError] * 2
    assert stub.charged == {}


def test_who_asks_while_the_answers_are_fetched_gets_his_too() -> None:
    stub, log = BatchStub(), _Log()
    ask(stub, calls(4), log)  # all of it is there

    async def one_after_the_other(base_url: str) -> Ended:
        model = batched(base_url, log)
        try:
            return [await model.complete(call) for call in calls(4)]
        finally:
            await model.close()

    with FakeEndpoint(stub) as endpoint:
        ended = asyncio.run(one_after_the_other(endpoint.base_url))

    assert all_answered(ended)
    assert set(stub.charged.values()) == {1}


def test_the_identity_is_that_of_the_model_asked_one_by_one() -> None:
    model = batched("http://127.0.0.1:1/v1", _Log())

    assert model.identity == {"model": "tested-judge", "endpoint": "stub"}
    asyncio.run(model.close())
