import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from judge.api.meaning import alike_in_training
from judge.api.project import Instrument, InstrumentMaker, Project, Ratings, RunContext, ratings_of
from judge.api.reporting import report
from judge.api.running import manifest_of
from judge.api.scoring import Forecast, evaluate, forecast, resume
from judge.api.validating import validate_judge
from judge.api.yardsticks import kept_yardsticks
from judge.errors import (
    ConfigError,
    DataError,
    EmbeddingInvalid,
    JudgeUnavailable,
    JudgeUnparseable,
    StoreError,
)
from judge.judges.baseline import BaselineJudge
from judge.judges.judge import Judge
from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, ChatModel, Completion, Sampling
from judge.models.embedding import SharedEmbedder
from judge.models.forecast import CostForecast
from judge.models.ledger import Ledgered
from judge.records.dataset import Dataset
from judge.records.overlap import Finding, Likeness, Overlap
from judge.records.rating import Aggregate, LabelSource, RatingSource
from judge.records.record import Item, Role, System, Target
from judge.records.scale import EQUIVALENCE
from judge.records.verification import TrainingFiles
from judge.reports.summary import Status
from judge.results.outcome import Fate, Score
from judge.results.run import Result, RunManifest
from judge.results.sql import SqlStore
from judge.results.store import MemoryStore
from judge.runs.executor import Stop
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.equivalence import EquivalenceScorer
from judge.scorers.similarity import SimilarityScorer
from judge.scorers.yardsticks import YardstickMaker
from judge.shipped import shipped
from judge.testing import FakeChat, HashEmbedder, completion, verdict
from judge.trust.certificate import CERTIFICATE_KIND, Standing, TrustThresholds
from judge.trust.validation import Validation

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
N = 50
SCHEMA = '{"type":"string"}'
PROMPT = read_prompt(shipped("prompts/equivalence/v1.md"))


def see_through(call: ChatCall) -> Completion:
    """Judge as the labels of `_rate` do."""
    wrong = "wrong" in call.messages[-1].content
    return completion(verdict("different" if wrong else "equivalent"))


def _dataset(n_items: int = N, *, with_schema: bool = False) -> Dataset:
    ids = range(n_items)
    return Dataset(
        items=tuple(
            Item(
                item_id=f"i{k}",
                cluster=f"i{k}",
                input=f"ask {k}",
                references=(f"true {k}",),
                schema=SCHEMA if with_schema and k else "",
            )
            for k in ids
        ),
        systems=(
            System(name="teacher", role=Role.TEACHER),
            System(name="student", role=Role.STUDENT),
        ),
        outputs={
            "teacher": {f"i{k}": f"true {k}" for k in ids},
            "student": {f"i{k}": f"{'true' if k % 2 else 'wrong'} {k}" for k in ids},
        },
    )


def _instrument(judge: Judge, *, calls_a_model: bool) -> Instrument:
    scorer = EquivalenceScorer(
        judge,
        scale=EQUIVALENCE,
        criterion="equivalence",
        target=Target.REFERENCE,
        empty_value=0.0,
    )
    return Instrument(scorer=scorer, batch_size=1, concurrency=2, calls_a_model=calls_a_model)


def _asking(chat: FakeChat, *, temperature: float) -> InstrumentMaker:
    @asynccontextmanager
    async def make(context: RunContext) -> AsyncIterator[Sequence[Instrument]]:
        model: ChatModel = Ledgered(chat, context.log)
        if context.dry is not None:
            model = context.dry.instead_of(chat, price=None, answers=None, address="fake")
        judge = PromptedJudge(
            model,
            prompt=PROMPT,
            sampling=Sampling(temperature=temperature),
            served=next(iter(context.served.get("equivalence.reference", ())), None),
        )
        yield [_instrument(judge, calls_a_model=True)]

    return make


@asynccontextmanager
async def _baseline(context: RunContext) -> AsyncIterator[Sequence[Instrument]]:
    judge = BaselineJudge(SharedEmbedder(HashEmbedder()))
    yield [_instrument(judge, calls_a_model=False)]


def _project(
    chat: FakeChat,
    *,
    temperature: float = 0.0,
    dataset: Dataset | None = None,
    ratings: Path | None = None,
) -> Project:
    found = dataset or _dataset()
    return Project(
        name="small",
        dataset=found,
        instruments=_asking(chat, temperature=temperature),
        baseline=_baseline,
        ratings=Ratings(
            source=RatingSource(
                path=ratings,
                fields={},
                labels={},
                criterion="equivalence",
                target=Target.REFERENCE,
                source=LabelSource.HUMAN,
                blind=True,
                random=True,
            ),
            scale=EQUIVALENCE,
            aggregate=Aggregate.MAJORITY,
            known_ids=frozenset(f"i{k}" for k in range(N)),
            thresholds=TrustThresholds(),
        )
        if ratings
        else None,
        seed=0,
        config="name: small",
        config_path="judge.yaml",
    )


@pytest.fixture
def rate(tmp_path: Path) -> Callable[[int], Path]:
    """Return what writes ratings of the student's first outputs."""

    def write(n_ratings: int = N) -> Path:
        labels = ("different", "equivalent")
        rows = [
            {"id": f"i{k}", "system": "student", "rater": "ann", "label": labels[k % 2]}
            for k in range(n_ratings)
        ]
        path = tmp_path / "ratings.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def _evaluated(project: Project, store: MemoryStore, *, at: datetime = NOW) -> RunManifest:
    return asyncio.run(evaluate(project, store, now=lambda: at))


def _validated(project: Project, store: MemoryStore) -> Validation:
    found = asyncio.run(validate_judge(project, store, now=lambda: NOW))
    assert found is not None
    return found


def _student(store: MemoryStore, run: RunManifest, *, now: datetime = NOW) -> tuple[Status, str]:
    rows = report(store, run, now=now).estimates
    (row,) = (row for row in rows if (row.system, row.slice) == ("student", "overall"))
    assert (row.estimate is None) == (row.status is not Status.SHOWN)
    return row.status, row.reason


def _fates(store: MemoryStore, run: RunManifest) -> list[str]:
    outcomes = [result.outcome for result in store.results(run.run_id)]
    return [outcome.code.value for outcome in outcomes if isinstance(outcome, Fate)]


def test_every_record_ends_with_one_stored_outcome_and_the_watcher_is_told_of_it() -> None:
    store, seen = MemoryStore(), list[Result]()

    run = asyncio.run(
        evaluate(_project(FakeChat(see_through)), store, now=lambda: NOW, watcher=seen.extend)
    )

    stored = store.results(run.run_id)
    assert len({result.key for result in stored}) == len(stored) == 2 * N
    assert list(stored) == seen
    assert {result.outcome.value for result in stored if isinstance(result.outcome, Score)} == {
        0,
        1,
    }
    assert list(store.dataset(run).records()) == list(_dataset().records())
    assert (run.run_id[:15], run.config, run.rated) == ("20260501-120000", "name: small", False)


def test_a_judged_number_is_withheld_until_that_judge_has_its_certificate(
    rate: Callable[..., Path],
) -> None:
    store = MemoryStore()
    project = _project(FakeChat(see_through), ratings=rate())
    run = _evaluated(project, store)

    before = _student(store, run)
    found = _validated(project, store)
    after = _student(store, run)

    assert before[0] is Status.WITHHELD
    assert "never measured against ratings" in before[1]
    assert found.standing is Standing.TRUSTED
    assert after == (Status.SHOWN, "")


def test_a_certificate_is_for_one_signature_and_no_other(rate: Callable[..., Path]) -> None:
    store = MemoryStore()
    _validated(_project(FakeChat(see_through), ratings=rate()), store)

    same = _evaluated(_project(FakeChat(see_through)), store)
    other = _evaluated(_project(FakeChat(see_through), temperature=0.7), store)

    assert _student(store, same) == (Status.SHOWN, "")
    status, reason = _student(store, other)
    assert status is Status.WITHHELD
    assert "stale" in reason
    assert "temperature was '0.0', is '0.7'" in reason


def test_a_certificate_ends_and_is_not_for_another_model_or_set(
    rate: Callable[..., Path],
) -> None:
    store = MemoryStore()
    _validated(_project(FakeChat(see_through), ratings=rate()), store)
    run = _evaluated(_project(FakeChat(see_through)), store)
    swapped = FakeChat(lambda call: replace(see_through(call), model="another-judge"))

    late = _student(store, run, now=NOW + timedelta(days=91))
    by_another = _student(store, _evaluated(_project(swapped), store))
    unlike = replace(
        (other := _dataset(N + 1)),
        items=tuple(replace(item, input=item.input * 50) for item in other.items),
    )
    elsewhere = _evaluated(_project(FakeChat(see_through), dataset=unlike), store)

    assert "expired on 2026-07-30" in late[1]
    assert "another-judge answered, but the certificate is for fake-judge" in by_another[1]
    assert "another evaluation set, and the population moved" in _student(store, elsewhere)[1]


def test_a_certificate_speaks_for_another_set_of_the_same_population_and_says_so(
    rate: Callable[..., Path],
) -> None:
    store = MemoryStore()
    _validated(_project(FakeChat(see_through), ratings=rate()), store)

    elsewhere = _evaluated(_project(FakeChat(see_through), dataset=_dataset(N + 1)), store)

    assert _student(store, elsewhere)[0] is Status.SHOWN
    (trust,) = report(store, elsewhere, now=NOW).trust
    assert trust.reasons[-1].startswith("validated on another evaluation set, which lengths")


def test_a_part_of_the_validated_set_may_be_shown(rate: Callable[..., Path]) -> None:
    store = MemoryStore()
    _validated(_project(FakeChat(see_through), ratings=rate()), store)

    part = _dataset().selected(limit=30)

    run = _evaluated(_project(FakeChat(see_through), dataset=part), store)
    assert _student(store, run) == (Status.SHOWN, "")


def test_a_validation_asks_only_for_verdicts_that_are_not_stored(
    rate: Callable[..., Path],
) -> None:
    store, chat = MemoryStore(), FakeChat(see_through)
    project = _project(chat, ratings=rate())

    _evaluated(project, store)
    asked = len(chat.calls)
    of_the_run = _validated(project, store)
    again = _validated(project, store)
    by_another_judge = _validated(_project(chat, temperature=0.7, ratings=rate(30)), store)

    assert (asked, len(chat.calls)) == (2 * N, 2 * N + 30)
    assert of_the_run.overall == again.overall
    assert of_the_run.overall.n_labels == N
    assert by_another_judge.overall.n_labels == 30


def test_more_ratings_cost_only_their_own_verdicts(rate: Callable[..., Path]) -> None:
    store, chat = MemoryStore(), FakeChat(see_through)

    first = _validated(_project(chat, ratings=rate(20)), store)
    second = _validated(_project(chat, ratings=rate(N)), store)

    assert (first.standing, second.standing) == (Standing.INSUFFICIENT, Standing.TRUSTED)
    assert len(chat.calls) == N
    assert [run.purpose for run in store.manifests()].count("score") == 0


def test_a_changed_output_is_judged_anew(rate: Callable[..., Path]) -> None:
    store, chat = MemoryStore(), FakeChat(see_through)
    _validated(_project(chat, ratings=rate()), store)
    dataset = _dataset()
    outputs = {**dataset.outputs, "student": {**dataset.outputs["student"], "i0": "true 0"}}
    asked = len(chat.calls)

    found = _validated(
        _project(chat, dataset=replace(dataset, outputs=outputs), ratings=rate()), store
    )

    assert len(chat.calls) - asked == 1
    assert [one.key.item_id for one in found.disagreements] == ["i0"]


def test_an_endpoint_that_did_not_answer_is_no_reason_for_a_certificate(
    rate: Callable[..., Path],
) -> None:
    def down(call: ChatCall) -> Completion:
        if "true 7" in call.messages[-1].content:
            raise JudgeUnavailable("no one is here")
        return see_through(call)

    store, chat = MemoryStore(), FakeChat(see_through)
    _validated(_project(chat, ratings=rate(30)), store)
    trusted = store.documents(CERTIFICATE_KIND)

    found = asyncio.run(
        validate_judge(
            _project(FakeChat(down), temperature=0.7, ratings=rate()), store, now=lambda: NOW
        )
    )

    assert found is None
    assert store.documents(CERTIFICATE_KIND) == trusted


def test_a_stopped_validation_certifies_nothing_and_keeps_its_verdicts(
    rate: Callable[..., Path],
) -> None:
    stop = Stop()

    def stop_soon(call: ChatCall) -> Completion:
        if len(chat.calls) == 10:
            stop.ask("enough")
        return see_through(call)

    store, chat = MemoryStore(), FakeChat(stop_soon)
    project = _project(chat, ratings=rate())

    stopped = asyncio.run(validate_judge(project, store, now=lambda: NOW, stop=stop))
    certificates = store.documents(CERTIFICATE_KIND)
    asked = len(chat.calls)
    finished = _validated(project, store)

    assert (stopped, certificates) == (None, [])
    assert asked < N
    assert len(chat.calls) == N
    assert finished.overall.n_labels == N


def test_ratings_must_be_there_and_about_what_a_judge_does(rate: Callable[..., Path]) -> None:
    project = _project(FakeChat(), ratings=rate())
    assert project.ratings is not None
    by_teacher = replace(project.ratings.source, target=Target.TEACHER)
    elsewhere = replace(project, ratings=replace(project.ratings, source=by_teacher))

    with pytest.raises(ConfigError, match=r"judge\.yaml names no ratings; add 'ratings:'"):
        ratings_of(_project(FakeChat()))
    with pytest.raises(ConfigError, match=r"add 'teacher' to scorers\.equivalence\.against"):
        _validated(elsewhere, MemoryStore())


def test_a_stopped_run_is_finished_by_a_resume_without_asking_anything_twice() -> None:
    stop = Stop()

    def stop_soon(call: ChatCall) -> Completion:
        if len(chat.calls) == 15:
            stop.ask("enough")
        return see_through(call)

    store, chat = MemoryStore(), FakeChat(stop_soon)
    project = _project(chat)

    run = asyncio.run(evaluate(project, store, now=lambda: NOW, stop=stop))
    cut_off = report(store, run, now=NOW)
    asyncio.run(resume(project, store, run))
    finished = report(store, run, now=NOW)

    missing = [row.counts.fates for row in cut_off.estimates]
    assert sum(fates["not_yet_scored"] for fates in missing) == 2 * N - 15
    assert (cut_off.complete, finished.complete) == (False, True)
    assert sorted(call.call_id for call in chat.calls) == sorted(
        {call.call_id for call in chat.calls}
    )
    assert len(chat.calls) == 2 * N


def test_a_resume_refuses_a_changed_judge_before_it_is_asked() -> None:
    store, chat = MemoryStore(), FakeChat()
    stop = Stop()
    stop.ask("at once")
    run = asyncio.run(evaluate(_project(chat), store, now=lambda: NOW, stop=stop))

    with pytest.raises(
        ConfigError, match=r"equivalence\.reference is no longer what .* temperature changed; undo"
    ):
        asyncio.run(resume(_project(chat, temperature=0.7), store, run))

    assert chat.calls == []
    assert store.results(run.run_id) == []


def test_a_resume_holds_the_endpoint_to_the_model_that_answered_before() -> None:
    def half(call: ChatCall) -> Completion:
        if "true 1\n" in call.messages[-1].content:
            raise JudgeUnavailable("no one is here")
        return see_through(call)

    store = MemoryStore()
    run = _evaluated(_project(FakeChat(half)), store)
    swapped = FakeChat(lambda call: replace(see_through(call), model="another-judge"))

    asyncio.run(resume(_project(swapped), store, run))

    assert _fates(store, run) == ["judge_identity_changed"] * 2


def test_what_the_judge_failed_at_is_asked_again_only_where_that_is_asked_for() -> None:
    def fail(call: ChatCall) -> Completion:
        raise JudgeUnparseable("no verdict")

    store, better = MemoryStore(), FakeChat(see_through)
    run = _evaluated(_project(FakeChat(fail)), store)

    asyncio.run(resume(_project(better), store, run))
    left_alone = _fates(store, run)
    asyncio.run(resume(_project(better), store, run, retry_failed=True))

    assert left_alone == ["judge_unparseable"] * 2 * N
    assert _fates(store, run) == []
    assert {result.revision for result in store.results(run.run_id)} == {1}


def test_a_store_that_fails_ends_the_run_by_its_own_name_and_the_calls_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def full(*_: object) -> NoReturn:
        raise StoreError("the disk is full")

    store, chat = MemoryStore(), FakeChat(see_through)
    monkeypatch.setattr(MemoryStore, "put", full)

    with pytest.raises(StoreError, match="the disk is full"):
        _evaluated(_project(chat), store)

    assert len(chat.calls) == 2  # one for each worker


def test_a_forecast_tells_the_calls_and_makes_none() -> None:
    dataset = _dataset(4, with_schema=True)
    student = {"i0": "wrong 0", "i1": " ", "i2": ""}
    dataset = replace(dataset, outputs={**dataset.outputs, "student": student})
    chat = FakeChat()

    asking = _asking(chat, temperature=0.0)

    @asynccontextmanager
    async def both(context: RunContext) -> AsyncIterator[Sequence[Instrument]]:
        async with asking(context) as made:
            adherence = AdherenceScorer([SCHEMA])
            yield [*made, Instrument(scorer=adherence, batch_size=8, concurrency=1)]

    project = replace(_project(chat, dataset=dataset), instruments=both)
    judged, form = asyncio.run(forecast(project, now=NOW))

    assert (judged.n_records, judged.settled, judged.cost.calls) == (8, 3, 5)
    assert judged.cost.input_tokens > 0
    assert judged.cost.likely.unknown == 5
    assert form == Forecast(metric="adherence.strict", n_records=8, settled=2, cost=CostForecast())
    assert chat.calls == []


def test_two_runs_of_one_second_have_two_names() -> None:
    store = MemoryStore()
    project = _project(FakeChat(), dataset=_dataset(1))

    names = {_evaluated(project, store).run_id for _ in range(3)}

    assert len(names) == 3


def _comparing(embedder: HashEmbedder) -> Project:
    @asynccontextmanager
    async def make(context: RunContext) -> AsyncIterator[Sequence[Instrument]]:
        del context
        shared = SharedEmbedder(embedder)
        yield [
            Instrument(
                scorer=SimilarityScorer(shared, target=Target.REFERENCE, empty_value=0.0),
                batch_size=8,
                concurrency=1,
                yardstick=YardstickMaker(embedder=shared),
            )
        ]

    return replace(_project(FakeChat(see_through)), instruments=make)


def test_what_a_similarity_means_is_measured_once_and_kept_beside_the_run() -> None:
    store, embedder = MemoryStore(), HashEmbedder(dim=4096)
    project = _comparing(embedder)
    run = _evaluated(project, store)
    asked = embedder.asked.total()

    asyncio.run(resume(project, store, run))

    (findings,) = report(store, run, now=NOW).similarity
    assert findings.yardstick is not None
    assert "random" in findings.yardstick.figures
    assert embedder.asked.total() == asked
    assert kept_yardsticks(store, "another run") == {}


def test_an_embedder_that_fails_after_the_run_costs_the_baselines_only_until_a_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    project = _comparing(HashEmbedder(dim=4096))

    def fail(*_: object, **__: object) -> NoReturn:
        raise EmbeddingInvalid("it is down")

    with monkeypatch.context() as broken:
        broken.setattr(YardstickMaker, "measure", fail)
        run = _evaluated(project, store)
    (without,) = report(store, run, now=NOW).similarity
    asyncio.run(resume(project, store, run))
    (with_them,) = report(store, run, now=NOW).similarity

    assert len(store.results(run.run_id)) == 2 * N
    assert without.yardstick is None
    assert with_them.yardstick is not None


def _with_training(tmp_path: Path, text: str) -> Project:
    long = "which of the two harbours reopened first after the great storm of last winter"
    dataset = _dataset()
    first = replace(dataset.items[0], input=long)
    file = tmp_path / "train.txt"
    file.write_text(text.format(first=long))
    return replace(
        _project(
            FakeChat(see_through), dataset=replace(dataset, items=(first, *dataset.items[1:]))
        ),
        training=TrainingFiles(files=(file,)),
    )


def test_every_report_of_a_run_names_the_items_that_training_had(tmp_path: Path) -> None:
    store = MemoryStore()
    run = _evaluated(_with_training(tmp_path, "{first}\n"), store)
    (tmp_path / "train.txt").unlink()  # reports need it no more

    found = report(store, run, now=NOW).leakage

    assert found is not None
    assert found.overlap.leaked_items == ("i0",)
    assert {row.n_leaked for row in found.rows} == {1}


def test_a_training_file_that_cannot_be_searched_ends_a_run_before_it_begins(
    tmp_path: Path,
) -> None:
    store, project = MemoryStore(), _with_training(tmp_path, "")

    with pytest.raises(DataError, match="holds no text"):
        _evaluated(project, store)

    assert store.manifests() == []


def test_a_search_that_was_stopped_is_done_by_the_resume(tmp_path: Path) -> None:
    store, stop = MemoryStore(), Stop()
    other = "\n".join(f"line {n} of many others that say nothing" for n in range(20_000))
    project = _with_training(tmp_path, f"{other}\n{{first}}\n")
    stop.ask("interrupted")
    run = asyncio.run(evaluate(project, store, now=lambda: NOW, stop=stop))
    before = report(store, run, now=NOW).leakage

    asyncio.run(resume(project, store, run))

    after = report(store, run, now=NOW).leakage
    assert before is None
    assert after is not None
    assert after.overlap.leaked_items == ("i0",)


def test_a_run_without_training_files_says_nothing_of_them() -> None:
    store = MemoryStore()

    run = _evaluated(_project(FakeChat(see_through)), store)

    assert report(store, run, now=NOW).leakage is None


def test_the_training_text_closest_in_meaning_is_told_once_and_leaks_are_not_told_again(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("nothing of it\nask 1 please\n")
    second.write_text("1 ask\nask 2\n")
    training = TrainingFiles(files=(first, second))
    dataset = _dataset(3)
    leak = Finding(
        item_id="i2",
        part="input",
        likeness=Likeness.EXACT,
        similarity=1.0,
        file=second,
        line=2,
        column="",
        times=1,
    )

    found = asyncio.run(
        alike_in_training(
            dataset,
            training,
            SharedEmbedder(HashEmbedder()),
            at_least=0.8,
            told=Overlap(leaks=(leak,), generic=(), texts=6, only_whole=0, files=()),
        )
    )

    assert [(one.item_id, one.part, one.file.name, one.line) for one in found] == [
        ("i1", "input", "second.txt", 1)
    ]


def _long_results(run_id: str, dataset: Dataset) -> Iterator[Result]:
    instrument = _instrument(BaselineJudge(SharedEmbedder(HashEmbedder())), calls_a_model=False)
    signature = instrument.scorer.measure.signature
    for number, unit in enumerate(dataset.records().units):
        outcome = Score(
            scorer="equivalence",
            target=Target.REFERENCE,
            value=float(number % 3 > 0),
            signature=signature,
            label="equivalent" if number % 3 else "different",
            rationale=f"{number} {'The answer says what the reference says. ' * 50}",
            details={"number": number},
        )
        yield Result(run_id=run_id, key=unit.key, outcome=outcome, content="", duration_s=0.0)


def test_a_report_takes_no_memory_for_texts_and_reasons(tmp_path: Path) -> None:
    n, text = 10_000, "The text says that the number is even. " * 50
    dataset = _dataset(n)
    dataset = replace(
        dataset,
        items=[replace(item, input=f"{text}{item.item_id}") for item in dataset.items],
        systems=dataset.systems[1:],
        outputs={"student": {item.item_id: f"{item.item_id}{text}" for item in dataset.items}},
    )
    project = _project(FakeChat(see_through), dataset=dataset)
    measure = _instrument(
        BaselineJudge(SharedEmbedder(HashEmbedder())), calls_a_model=False
    ).scorer.measure
    manifest = manifest_of(project, "r", [measure], purpose="score", started=NOW)
    with SqlStore(tmp_path / "store.db") as store:
        store.begin(manifest, dataset)
        asyncio.run(store.put(list(_long_results("r", dataset))))
        del project, dataset

        tracemalloc.start()
        found = report(store, manifest, now=NOW)
        read = 0
        for example in found.examples:
            (outcome,) = example.outcomes.values()
            assert isinstance(outcome, Score)
            read += len(example.record.input + (example.record.output or "") + outcome.rationale)
        peak_mib = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()

    assert read > 55 * 2**20
    assert peak_mib < 8  # ids, places, and what is read at once
