"""The fault server: a fake endpoint, a plan of faults and a ledger of every request."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeAlias

from judge.fault_server.bodies import fault
from judge.fault_server.endpoint import FakeEndpoint
from judge.fault_server.exchange import Answer, Received
from judge.fault_server.faults import Fault
from judge.fault_server.plan import FaultPlan
from judge.fault_server.plays import Scene
from judge.fault_server.replies import seeded_reply

PAUSE_S = 1.0

# The random mark of a fence: another one each time the same question is asked.
_MARK = re.compile(rb"(<<<[^<>\n]*?) ?\b[0-9a-f]{16,}(>>>)")
_NOT_ASKED = "not asked"
_CHAT = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request in the ledger of a fault server.

    Attributes:
        number: its place among all requests, from 1.
        question: what was asked; empty where the request was no chat.
        attempt: which time that was asked, from 1.
        arrived_s: since the server started.
        fault: name of what went wrong; empty where nothing did.
        status: that was sent, or would have been.
        pause_s: how long the answer asked the client to wait; 0 where it did not.
    """

    number: int
    question: str
    attempt: int
    arrived_s: float
    fault: str
    status: int
    pause_s: float = 0.0


Namer: TypeAlias = Callable[[Received], str]
"""Returns what a request asks: attempts at the same question bear the same name."""


def question_of(received: Received) -> str:
    """Return a hash of the messages without the random marks of their fences."""
    messages = received.body.get("messages")
    text = _MARK.sub(rb"\1\2", repr(messages).encode("utf-8", "backslashreplace"))
    return hashlib.sha256(text).hexdigest()[:16]


def question_named(pattern: str) -> Namer:
    """Return what names a question by the first group of a pattern in its user text."""
    compiled = re.compile(pattern)

    def name(received: Received) -> str:
        found = compiled.search(received.user_text)
        return found[1] if found else question_of(received)

    return name


class FaultServer:
    """An OpenAI-compatible endpoint on 127.0.0.1 that fails by a plan. Enter it to start it.

    Args:
        plan: what goes wrong; nothing does by default.
        name: tells which requests ask the same question.
        reply: the right reply to a question.
        latency_s: of every answer.
        pause_s: how long a fault that asks the client to wait asks it to wait.
        port: to listen at; 0 takes a free one.
        keep: whether `ledger` remembers every request; a long rehearsal need not.
        watcher: told of each request as it is answered; it runs in the server's thread.
        clock: seconds, from any start.
        wall: the time of day, for dates.
    """

    def __init__(
        self,
        plan: FaultPlan | None = None,
        *,
        name: Namer = question_of,
        reply: Callable[[Received, str], str] = seeded_reply,
        latency_s: float = 0.0,
        pause_s: float = PAUSE_S,
        port: int = 0,
        keep: bool = True,
        watcher: Callable[[Entry], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plan = plan or FaultPlan()
        self._name = name
        self._reply = reply
        self._latency_s = latency_s
        self._pause_s = pause_s
        self._keep = keep
        self._watcher = watcher
        self._clock = clock
        self._wall = wall
        self._ledger: list[Entry] = []
        self._attempts: Counter[str] = Counter()
        self._endpoint = FakeEndpoint(self._respond, port=port, keep=False)
        self._elsewhere = FakeEndpoint()
        self._stack = ExitStack()
        self._started_s = 0.0

    def __enter__(self) -> Self:
        self._started_s = self._clock()
        with ExitStack() as stack:
            stack.enter_context(self._elsewhere)
            stack.enter_context(self._endpoint)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        return self._endpoint.base_url

    @property
    def plan(self) -> FaultPlan:
        """What goes wrong."""
        return self._plan

    @property
    def ledger(self) -> Sequence[Entry]:
        """Every request so far, in order."""
        return list(self._ledger)

    @property
    def strayed(self) -> Sequence[Received]:
        """What arrived where redirects point to: nothing may."""
        return self._elsewhere.requests

    @property
    def most_in_flight(self) -> int:
        """How many requests were being answered at once, at most."""
        return self._endpoint.most_in_flight

    def _respond(self, received: Received) -> Answer:
        arrived_s = self._clock() - self._started_s
        question, attempt, met = "", 1, None
        if not received.path.endswith(_CHAT):
            answer = _besides(received)
        else:
            try:
                question = self._name(received)
            except (KeyError, TypeError, ValueError) as error:
                answer = Answer(status=400, body=fault(f"no chat request: {error}"))
            else:
                self._attempts[question] += 1
                attempt = self._attempts[question]
                met = self._plan.course(question).met_by(attempt)
                answer = self._play(met, received, question)
        self._note(
            Entry(
                number=received.number,
                question=question,
                attempt=attempt,
                arrived_s=arrived_s,
                fault=met.name if met else "",
                status=answer.status,
                pause_s=self._pause_s if met and met.asks_pause else 0.0,
            )
        )
        return replace(answer, delay_s=answer.delay_s + self._latency_s)

    def _play(self, met: Fault | None, received: Received, question: str) -> Answer:
        scene = Scene(
            model=str(received.body.get("model", "")),
            text=self._reply(received, question),
            elsewhere=self._elsewhere.base_url,
            pause_s=self._pause_s,
            now=self._wall(),
        )
        return met.play(scene) if met else scene.right

    def _note(self, entry: Entry) -> None:
        if self._keep:
            self._ledger.append(entry)
        if self._watcher:
            self._watcher(entry)


def _besides(received: Received) -> Answer:
    """Answer what is no chat: a list of models, or that there is nothing there."""
    if received.path.endswith("/models"):
        return Answer(body={"object": "list", "data": []})
    return Answer(status=404, body=fault(f"there is no {received.path} here"))
