"""Judges of every kind, from a config to stored results, against an endpoint that answers."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

import judge
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import RunManifest
from judge.results.store import MemoryStore
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, fault, verdict
from judge.trust.certificate import JudgeTrust

NOW = datetime(2026, 5, 1, tzinfo=UTC)
N = 4
OUTPUTS = tuple(f"answer {n}" for n in range(N))
ONE_SET = """\
name: judged
dataset: {items: items.jsonl}
systems:
  student: {role: student, outputs: student.jsonl}
"""
PAIRS = "name: judged\ndataset: {pairs: pairs.jsonl}\n"


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a small set with a config, and returns the config's path."""

    def write(name: str, rows: Sequence[Mapping[str, object]]) -> None:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def write_all(scorers: str, *, head: str = ONE_SET, outputs: Sequence[str] = OUTPUTS) -> Path:
        write(
            "items.jsonl",
            [
                {"id": f"i{n}", "input": f"source {n}", "reference": f"fine {n}"}
                for n in range(len(outputs))
            ],
        )
        answers = [{"id": f"i{n}", "output": output} for n, output in enumerate(outputs)]
        write("student.jsonl", answers)
        people = {True: "equivalent", False: "different"}
        write(
            "ratings.jsonl",
            [
                {"id": f"i{n}", "system": "student", "rater": "a", "label": people["right" in text]}
                for n, text in enumerate(outputs)
            ],
        )
        pairs = [
            {"id": f"i{n}", "input": "ask", "output_a": f"good {n}", "output_b": f"bad {n}"}
            for n in range(N)
        ]
        write("pairs.jsonl", pairs)
        (tmp_path / "judge.yaml").write_text(f"{head}{scorers}\n")
        return tmp_path / "judge.yaml"

    return write_all


@pytest.fixture
def run(
    config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]]:
    """Return what evaluates a small set by a config against an endpoint."""

    def evaluate(
        scorers: str,
        respond: Callable[[Received], Answer],
        *,
        head: str = ONE_SET,
        outputs: Sequence[str] = OUTPUTS,
        controls: int = 0,
    ) -> tuple[MemoryStore, RunManifest, FakeEndpoint]:
        store = MemoryStore()
        with FakeEndpoint(respond) as endpoint:
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
            project = judge.open_project(config(scorers, head=head, outputs=outputs))
            run = judge.evaluate(project, store, now=lambda: datetime.now(UTC), controls=controls)
            manifest = asyncio.run(run)
        return store, manifest, endpoint

    return evaluate


def _outcomes(store: MemoryStore, manifest: RunManifest) -> Mapping[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for result in store.results(manifest.run_id):
        found.setdefault(result.outcome.scorer, []).append(result.outcome)
    return found


def _criteria(received: Received) -> Answer:
    del received
    verdicts = {"faithfulness": "faithful", "coverage": "3", "fluency": "5"}
    reply = {name: {"rationale": "so", "verdict": label} for name, label in verdicts.items()}
    return Answer(body=chat_completion(json.dumps(reply)))


def test_several_criteria_of_one_prompt_are_one_call_and_a_score_each(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    by_summary = "judge: {model: m, prompt: summary/v1}, against: [source]"
    five = "scale: {kind: ordinal, categories: [1, 2, 3, 4, 5]}"

    store, manifest, endpoint = run(
        f"""
scorers:
  judged:
    faithfulness: {{{by_summary}, scale: {{categories: [unfaithful, faithful]}}}}
    coverage: {{{by_summary}, {five}}}
    fluency: {{{by_summary}, {five}}}
""",
        _criteria,
    )

    values = {
        name: {one.value for one in outcomes if isinstance(one, Score)}
        for name, outcomes in _outcomes(store, manifest).items()
    }
    assert values == {"faithfulness": {1.0}, "coverage": {0.5}, "fluency": {1.0}}
    assert len(endpoint.requests) == N
    assert len({measure.signature for measure in manifest.measures}) == 3


def _by_model(received: Received) -> Answer:
    model = str(received.body["model"])
    label = "different" if model == "strict" else "equivalent"
    return Answer(body=chat_completion(verdict(label), model=f"{model}-served"))


PANEL = "{panel: {a: {model: kind}, b: {model: strict}, c: {model: kinder}}%s}"


@pytest.mark.parametrize(
    ("rule", "value"), [("", 1.0), (", rule: majority", 1.0), (", rule: mean", 2 / 3)]
)
def test_a_panel_decides_by_its_rule_and_keeps_each_member_s_vote(
    rule: str, value: float, run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]]
) -> None:
    store, manifest, endpoint = run(
        f"scorers: {{equivalence: {{judge: {PANEL % rule}}}}}", _by_model
    )

    for one in _outcomes(store, manifest)["equivalence"]:
        assert isinstance(one, Score)
        assert one.value == pytest.approx(value)
        assert one.label == "equivalent"
        assert {vote.judge: vote.label for vote in one.votes} == {
            "a": "equivalent",
            "b": "different",
            "c": "equivalent",
        }
        assert "judges_disagree" in one.flags
    assert len(endpoint.requests) == 3 * N


def test_a_panel_of_which_too_few_answer_has_a_fate_and_keeps_the_votes(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    def mostly_prose(received: Received) -> Answer:
        if received.body["model"] == "kind":
            return _by_model(received)
        return Answer(body=chat_completion("Hard to say.", model="x"))

    store, manifest, _ = run(f"scorers: {{equivalence: {{judge: {PANEL % ''}}}}}", mostly_prose)

    for one in _outcomes(store, manifest)["equivalence"]:
        assert isinstance(one, Fate)
        assert one.code is FateCode.PANEL_NO_MAJORITY
        assert [vote.label for vote in one.votes] == ["equivalent"]


def test_a_question_that_is_asked_three_times_is_three_calls_and_one_verdict(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    def wavering(received: Received) -> Answer:
        label = "different" if received.number % 3 == 0 else "equivalent"
        return Answer(body=chat_completion(verdict(label)))

    store, manifest, endpoint = run(
        "scorers: {equivalence: {judge: {model: m, repeats: 3, temperature: 1}}}", wavering
    )

    votes = [
        one.votes for one in _outcomes(store, manifest)["equivalence"] if isinstance(one, Score)
    ]
    assert len(endpoint.requests) == 3 * N
    assert [sorted(vote.repeat for vote in of_one) for of_one in votes] == [[0, 1, 2]] * N


@pytest.mark.parametrize("orders", [1, 2])
def test_a_judge_of_pairs_that_always_takes_the_first_is_seen_to(
    orders: int, run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]]
) -> None:
    scale = "{kind: pairwise, categories: [second, tie, first]}"

    store, manifest, endpoint = run(
        "scorers: {equivalence: {criterion: preference, "
        f"scale: {scale}, judge: {{model: m, prompt: preference/v1, orders: {orders}}}}}}}",
        lambda _: Answer(body=chat_completion(verdict("first"))),
        head=PAIRS,
    )

    scores = [one for one in _outcomes(store, manifest)["equivalence"] if isinstance(one, Score)]
    assert len(scores) == N
    assert len(endpoint.requests) == orders * N
    if orders == 2:
        assert all("orders_disagree" in one.flags for one in scores)
        assert all({vote.label for vote in one.votes} == {"first", "second"} for one in scores)


def test_controls_are_mixed_among_the_records_and_one_that_passes_costs_the_judge_its_trust(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    store, manifest, endpoint = run(
        "scorers: {equivalence: {judge: {model: m}}}",
        lambda _: Answer(body=chat_completion(verdict("equivalent"))),
        controls=30,
    )
    report = judge.report(store, manifest, now=NOW)

    tried = report.controls["equivalence.reference"]
    (trust,) = report.trust
    assert len(endpoint.requests) > N
    assert tried.nulls.n > 0
    assert tried.nulls.passed == tried.nulls.n
    assert trust.standing is judge.Standing.NOT_TRUSTED
    assert any("null answers passed as equivalent" in reason for reason in trust.reasons)
    assert {row.counts.n_records for row in report.estimates} == {N}
    assert len(report.examples) == N


def test_what_an_endpoint_can_be_held_to_is_found_out_before_the_first_record(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    def knows_no_schema(received: Received) -> Answer:
        asked = received.body.get("response_format")
        if isinstance(asked, dict) and asked["type"] == "json_schema":
            return Answer(status=400, body=fault("response_format json_schema is not supported"))
        probed = "seven" in received.user_text
        return Answer(body=chat_completion('{"verdict": "yes"}' if probed else verdict()))

    store, manifest, endpoint = run(
        "scorers: {equivalence: {judge: {model: m, response_format: auto}}}", knows_no_schema
    )

    (measure,) = manifest.measures
    assert measure.identity["reply_format"] == "json_object"
    assert len(endpoint.requests) == 2 + N
    assert all(isinstance(one, Score) for one in _outcomes(store, manifest)["equivalence"])
    assert store.spending(manifest.run_id).total.calls == 2 + N


def test_a_summary_is_judged_claim_by_claim_and_scored_by_the_share_that_is_supported(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    def denies_numbers(received: Received) -> Answer:
        _, _, claim = received.user_text.rpartition("<<<answer")
        label = "unsupported" if "seven" in claim else "supported"
        return Answer(body=chat_completion(verdict(label)))

    by_claim = "judge: {model: m, prompt: faithfulness/v1, claims: always}, against: [source]"
    store, manifest, _ = run(
        "scorers: {judged: {faithfulness: "
        f"{{scale: {{categories: [unfaithful, faithful]}}, {by_claim}}}}}}}",
        denies_numbers,
        outputs=["The dog barked at noon. The fence is seven feet tall.", "The dog barked."] * 2,
    )

    first, second, *_ = sorted(
        (one for one in _outcomes(store, manifest)["faithfulness"] if isinstance(one, Score)),
        key=lambda one: one.value,
    )[::2]
    (measure,) = manifest.measures
    assert (first.value, first.label) == (0.5, "unfaithful")
    assert (second.value, second.label) == (1.0, "faithful")
    assert measure.continuous


def test_records_are_taken_in_a_random_order_so_that_a_run_cut_short_is_a_sample(
    run: Callable[..., tuple[MemoryStore, RunManifest, FakeEndpoint]],
) -> None:
    def by_number(received: Received) -> Answer:
        if received.number > 20:
            return Answer(status=403, body=fault("no"))
        return Answer(body=chat_completion(verdict()))

    n = 200
    store, manifest, _ = run(
        "scorers: {equivalence: {judge: {model: m}}}",
        by_number,
        outputs=[f"answer {number}" for number in range(n)],
    )

    scored = [
        int(result.key.item_id[1:])
        for result in store.results(manifest.run_id)
        if isinstance(result.outcome, Score)
    ]
    assert len(scored) >= 10
    assert max(scored) > n / 2


def test_another_serving_system_judges_the_sentinels_before_it_is_believed(
    config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, served = [f"{('wrong', 'right')[n % 2]} {n}" for n in range(120)], ["fp_1"]

    def by_text(received: Received) -> Answer:
        label = "equivalent" if "\nright" in received.user_text else "different"
        return Answer(body={**chat_completion(verdict(label)), "system_fingerprint": served[0]})

    path = config(
        """\
scorers: {equivalence: {judge: {model: m}}}
ratings: {path: ratings.jsonl, source: human, blind: true, sampling: random}
cache: false""",
        outputs=outputs,
    )
    store = MemoryStore()

    def now() -> datetime:
        return datetime.now(UTC)

    def trust(run: RunManifest) -> JudgeTrust:
        return judge.report(store, run, now=now()).trust[0]

    with FakeEndpoint(by_text) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        project = judge.open_project(path)
        asyncio.run(judge.validate_judge(project, store, now=now))
        certified = trust(asyncio.run(judge.evaluate(project, store, now=now)))
        served[0] = "fp_2"
        part = judge.open_project(path, limit=10)  # too few of the sentinels are among them
        changed = trust(asyncio.run(judge.evaluate(part, store, now=now)))

    assert certified.standing is judge.Standing.TRUSTED
    assert changed.standing is judge.Standing.TRUSTED
    assert changed.certificate is not None
    assert changed.certificate.fingerprints == ("fp_1",)
    again = [run for run in store.manifests() if run.purpose == "sentinels"]
    assert [len(store.results(run.run_id)) > 10 for run in again] == [True]
