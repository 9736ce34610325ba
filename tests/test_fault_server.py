import gzip
import json
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import jsonschema_rs
import pytest

from judge.config import parse_config
from judge.fault_server.exchange import Received
from judge.fault_server.faults import FAULTS, PASSABLE, Fault
from judge.fault_server.plan import Course, FaultPlan
from judge.fault_server.plays import HUGE_BYTES, Scene
from judge.fault_server.replies import seeded_reply
from judge.fault_server.server import FaultServer, question_named, question_of
from judge.judges.judge import JudgedCase
from judge.judges.prompt import read_prompt
from judge.records.record import RecordKey, Target
from judge.results.outcome import FateCode
from judge.shipped import shipped
from judge.testing import FakeEndpoint

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PATIENCE_S = 30.0
PAUSE_S = 2.5
ENDLESS = ("hang", "drip")


def _content(text: str = "Is it so?") -> bytes:
    return json.dumps(
        {"model": "rehearsed", "messages": [{"role": "user", "content": text}]}
    ).encode()


def _received(content: bytes) -> Received:
    return Received(number=1, method="POST", path="/v1/x", headers={}, content=content)


@contextmanager
def _connected(base_url: str) -> Iterator[socket.socket]:
    host, port = base_url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        yield connection


def _send(connection: socket.socket, content: bytes, *, path: str = "/v1/chat/completions") -> None:
    head = f"POST {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)


def _asked(server: FaultServer, content: bytes, *, path: str = "/v1/chat/completions") -> bytes:
    """Return all that comes back; the last bytes are '(reset)' where the end was not polite."""
    found = b""
    with _connected(server.base_url) as connection:
        _send(connection, content, path=path)
        try:
            while piece := connection.recv(1 << 20):
                found += piece
        except ConnectionResetError:
            found += b"(reset)"
    return found


def _always(*names: str) -> FaultPlan:
    return FaultPlan(share=1, kinds=names, permanent=1)


def _played(name: str) -> bytes:
    with FaultServer(_always(name), pause_s=PAUSE_S, wall=lambda: NOW) as server:
        return _asked(server, _content())


def _header(answer: bytes, name: str) -> str:
    found = re.search(rf"^{name}: (.*)\r$".encode(), answer, re.MULTILINE)
    assert found is not None
    return found[1].decode()


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def _said(answer: bytes) -> dict[str, object]:
    (choice,) = json.loads(_body(answer))["choices"]
    assert isinstance(choice, dict)
    return {**choice["message"], "finish_reason": choice["finish_reason"]}


RIGHT = Scene(
    model="rehearsed",
    text=seeded_reply(_received(_content()), question_of(_received(_content()))),
    elsewhere="",
    pause_s=0,
    now=NOW,
).right.whole
HEAD = RIGHT.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("late", RIGHT),
        ("reset", b"(reset)"),
        ("reset_in_head", RIGHT[: (len(HEAD) + 4) // 2] + b"(reset)"),
        ("closed", b""),
        ("answer_too_many", RIGHT + RIGHT),
        ("answer_and_a_half", RIGHT + RIGHT[: (len(RIGHT) + len(HEAD) + 4) // 2]),
    ],
)
def test_an_answer_is_these_bytes_and_no_other(name: str, expected: bytes) -> None:
    assert _played(name) == expected


@pytest.mark.parametrize(("name", "end"), [("reset_in_body", b"(reset)"), ("closed_in_body", b"")])
def test_an_answer_broken_off_in_the_body_is_a_beginning_of_the_right_one(
    name: str, end: bytes
) -> None:
    found = _played(name)

    beginning = found.removesuffix(end)
    assert found.endswith(end)
    assert RIGHT.startswith(beginning)
    assert len(HEAD) + 4 < len(beginning) < len(RIGHT)


@pytest.mark.parametrize(("name", "sign"), [("length_too_long", 1), ("length_too_short", -1)])
def test_a_length_that_lies_is_on_the_side_it_says(name: str, sign: int) -> None:
    found = _played(name)

    assert _body(found) == _body(RIGHT)
    assert (int(_header(found, "content-length")) - len(_body(found))) * sign > 0


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_given_up_by_the_client_alone(name: str) -> None:
    with FaultServer(_always(name)) as server, _connected(server.base_url) as connection:
        _send(connection, _content())
        connection.settimeout(0.2)
        pieces = list[bytes]()
        try:
            while len(pieces) < 5:
                pieces.append(connection.recv(1))
        except TimeoutError:
            pieces.append(b"nothing more")

    assert pieces[-1] == (b"nothing more" if name == "hang" else b"/")
    assert b"" not in pieces


@pytest.mark.parametrize("name", [n for n, f in FAULTS.items() if re.match(r"\d{3}\b", f.what)])
def test_a_status_is_the_one_in_the_faults_words(name: str) -> None:
    assert _status(_played(name)) == int(FAULTS[name].what[:3])


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("retry_seconds", "retry-after", "3"),
        ("retry_fraction", "retry-after", "2.500"),
        ("retry_ms", "retry-after-ms", "2500"),
        ("retry_nonsense", "retry-after", "soon"),
        ("retry_tomorrow", "retry-after", "86400"),
        ("ratelimit_reset", "x-ratelimit-reset-requests", "3s"),
        ("unavailable_for", "retry-after", "3"),
    ],
)
def test_each_form_of_retry_after_is_sent_as_it_is_known(
    name: str, header: str, value: str
) -> None:
    assert _header(_played(name), header) == value


@pytest.mark.parametrize(
    ("name", "earliest", "latest"), [("retry_date", PAUSE_S, PAUSE_S + 1), ("retry_past", -3600, 0)]
)
def test_a_date_to_come_back_at_is_an_http_date(name: str, earliest: float, latest: float) -> None:
    stated = parsedate_to_datetime(_header(_played(name), "retry-after"))

    assert timedelta(seconds=earliest) <= stated - NOW <= timedelta(seconds=latest)


def test_a_plain_429_says_neither_when_to_come_back_nor_that_money_is_gone() -> None:
    found, quota = _played("retry_unsaid").lower(), _played("quota")

    assert b"retry-after" not in found
    assert b"insufficient_quota" not in found
    assert json.loads(_body(quota))["error"]["code"] == "insufficient_quota"


def test_a_redirect_names_another_origin_that_would_notice() -> None:
    with FaultServer(_always("http_307")) as server:
        to = _header(_asked(server, _content()), "location")
        untouched = server.strayed
        with _connected(to.removesuffix("/chat/completions")) as elsewhere:
            _send(elsewhere, b"{}")
            elsewhere.recv(1)

        assert not to.startswith(server.base_url)
        assert (len(untouched), len(server.strayed)) == (0, 1)


def _is_no_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("error_at_200", lambda body: "error" in json.loads(body)),
        ("html_at_200", lambda body: body.startswith(b"<!doctype html>")),
        ("no_choices", lambda body: json.loads(body)["choices"] == []),
        ("cut_json", lambda body: _is_no_json(body) and _body(RIGHT).startswith(body)),
        ("invalid_utf8", _is_no_json),
        ("compressed", lambda body: gzip.decompress(body) == _body(RIGHT)),
        ("bomb", lambda body: len(body) < 1 << 15 and len(gzip.decompress(body)) == 1 << 24),
        (
            "flood",
            lambda body: len(json.loads(body)["choices"][0]["message"]["content"]) == HUGE_BYTES,
        ),
    ],
)
def test_a_200_that_is_no_completion_has_the_body_it_says(
    name: str, holds: Callable[[bytes], bool]
) -> None:
    found = _played(name)

    assert _status(found) == 200
    assert holds(_body(found))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("null_content", "content", None),
        ("prose", "content", "I would say that they agree."),
        ("off_scale", "content", '{"rationale": "Hm.", "verdict": "perhaps"}'),
        (
            "duplicate_keys",
            "content",
            '{"rationale": "Hm.", "verdict": "equivalent", "verdict": "different"}',
        ),
        ("cut_reply", "finish_reason", "length"),
        ("filtered", "finish_reason", "content_filter"),
        ("refused", "refusal", "I cannot help with that."),
    ],
)
def test_a_completion_without_a_verdict_lacks_it_in_the_way_it_says(
    name: str, field: str, value: str | None
) -> None:
    assert _said(_played(name))[field] == value


def test_what_is_asked_again_in_vain_could_have_been_read() -> None:
    replies = [_said(_played(name))["content"] for name in ("cut_reply", "refused", "late")]

    assert len(set(replies)) == 1


def test_another_model_and_another_fingerprint_give_the_right_reply_under_it() -> None:
    right, model, fingerprint = (
        json.loads(_body(_played(name))) for name in ("late", "other_model", "other_fingerprint")
    )

    assert (right["model"], model["model"]) == ("rehearsed", "rehearsed-another")
    assert fingerprint == {**right, "system_fingerprint": "fp_another"}


def test_garbage_is_no_http() -> None:
    assert not _played("garbage").startswith(b"HTTP/")


def test_the_ledger_holds_every_request_with_what_was_answered() -> None:
    told = {
        "a": Course(faults=(FAULTS["http_503"], FAULTS["retry_ms"])),
        "b": Course(faults=(FAULTS["reset"],), forever=True),
    }
    ticks = iter(range(100))
    with FaultServer(
        FaultPlan(told=told),
        name=question_named("about (.)"),
        pause_s=PAUSE_S,
        clock=lambda: next(ticks),
    ) as server:
        for asked in "aabaab":
            _asked(server, _content(f"about {asked}"))
        _asked(server, b"", path="/v1/models")
        _asked(server, b"[]")

    assert [
        (entry.number, entry.question, entry.attempt, entry.fault, entry.status, entry.pause_s)
        for entry in server.ledger
    ] == [
        (1, "a", 1, "http_503", 503, 0.0),
        (2, "a", 2, "retry_ms", 429, PAUSE_S),
        (3, "b", 1, "reset", 200, 0.0),
        (4, "a", 3, "", 200, 0.0),
        (5, "a", 4, "", 200, 0.0),
        (6, "b", 2, "reset", 200, 0.0),
        (7, "", 1, "", 200, 0.0),
        (8, "", 1, "", 400, 0.0),
    ]
    assert [entry.arrived_s for entry in server.ledger] == list(range(1, 9))


def test_the_same_seed_fails_the_same_questions_whatever_their_order() -> None:
    questions = [f"question {number}" for number in range(2000)]
    plan = FaultPlan(share=0.2, seed=1)

    courses = [plan.course(question) for question in questions]
    again = [FaultPlan(share=0.2, seed=1).course(question) for question in reversed(questions)]
    another = [FaultPlan(share=0.2, seed=2).course(question) for question in questions]

    faulty = [course for course in courses if course.faults]
    assert again[::-1] == courses
    assert another != courses
    assert len(faulty) == pytest.approx(400, abs=80)
    assert sum(course.forever for course in faulty) == pytest.approx(120, abs=50)
    assert {course.faults[0].name for course in faulty} == set(PASSABLE)


@pytest.mark.parametrize(
    ("course", "end"),
    [
        ([], (None, 1)),
        (["http_500"], (None, 2)),
        (["http_500", "reset", "hang", "drip"], (None, 5)),
        (["http_500"] * 5, (FateCode.JUDGE_UNAVAILABLE, 5)),
        (["prose", "prose"], (None, 3)),
        (["prose", "prose", "off_scale"], (FateCode.JUDGE_UNPARSEABLE, 3)),
        (["cut_reply"], (None, 2)),
        (["http_404"], (FateCode.JUDGE_REJECTED, 1)),
        (["late"], (None, 1)),
    ],
)
def test_a_course_knows_what_the_record_must_end_in(
    course: Sequence[str], end: tuple[FateCode | None, int]
) -> None:
    assert Course(faults=tuple(FAULTS[name] for name in course)).end == end


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_for_ever_ends_in_its_fate(fault: Fault) -> None:
    assert Course(faults=(fault,), forever=True).end == (fault.fate, fault.asked)


@pytest.mark.parametrize("kinds", [("http_500", "http_5000"), ()])
def test_a_plan_draws_from_faults_that_exist(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"no fault http_5000; there are: late|needs kinds"):
        FaultPlan(kinds=kinds)


def test_a_question_is_known_again_whatever_the_mark_of_its_fences() -> None:
    prompt = read_prompt(shipped("prompts/equivalence/v1.md"))

    def asked(candidate: str) -> str:
        question = prompt.messages(
            JudgedCase(
                key=RecordKey(item_id="1", system="student"),
                case_id="1",
                target=Target.REFERENCE,
                input="How many?",
                candidate=candidate,
                against=("Two.",),
            )
        )
        content = [
            {"role": message.role, "content": message.content} for message in question.messages
        ]
        return question_of(_received(json.dumps({"messages": content}).encode()))

    assert asked("Two of them.") == asked("Two of them.")
    assert asked("Two of them.") != asked("Three of them.")
    assert asked("Two " + "0" * 24) != asked("Two " + "1" * 24)


def test_a_right_reply_fits_the_schema_asked_for_and_names_its_question() -> None:
    schema = {
        "type": "object",
        "properties": {
            "why": {"type": "string"},
            "verdict": {"enum": [1, 2, 3]},
            "grades": {
                "type": "array",
                "items": {"type": "integer", "minimum": 2, "maximum": 4},
                "minItems": 2,
            },
            "sure": {"type": "boolean"},
        },
        "required": ["why", "verdict", "grades", "sure"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}}
    received = _received(json.dumps({"messages": [], "response_format": form}).encode())

    replies = [seeded_reply(received, f"q{number % 30}") for number in range(60)]
    read = [json.loads(reply) for reply in replies]

    assert replies[:30] == replies[30:]
    assert all(jsonschema_rs.is_valid(schema, reply) for reply in read)
    assert Counter(reply["verdict"] for reply in read).keys() == {1, 2, 3}
    assert read[7]["why"] == "About q7."


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with (
        FakeEndpoint() as other,
        pytest.raises(OSError, match="address already in use"),
        FaultServer(port=int(other.base_url.split(":")[2].removesuffix("/v1"))),
    ):
        pass


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended_and_writes_its_ledger(
    end: signal.Signals, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    options = ("--faults", "1", "--kinds", "http_404,http_422", "--ledger", str(ledger))
    with subprocess.Popen(
        [sys.executable, "-m", "judge.fault_server", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        with _connected(process.stdout.readline().strip()) as connection:
            _send(connection, _content())
            answer = connection.recv(1 << 20)
        process.send_signal(end)
        summary, _ = process.communicate(timeout=PATIENCE_S)
    (entry,) = [json.loads(line) for line in ledger.read_text().splitlines()]

    assert process.returncode == 0
    assert _status(answer) == entry["status"] == int(entry["fault"].removeprefix("http_"))
    assert [line.split(maxsplit=1) for line in summary.splitlines()] == [
        ["1", entry["fault"]],
        ["0", "arrived where redirects point to"],
    ]


def test_the_page_on_rehearsing_lists_every_fault_and_its_config_is_one() -> None:
    page = (ROOT / "docs" / "rehearsing.md").read_text()

    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    (config,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)

    assert rows == [
        (
            fault.name,
            fault.what,
            f"`{fault.fate.value}`" if fault.fate else "a score",
            "the run stops" if fault.halts else str(fault.asked),
        )
        for fault in FAULTS.values()
    ]
    assert parse_config(config, name="rehearsing.md").scorers.equivalence is not None
