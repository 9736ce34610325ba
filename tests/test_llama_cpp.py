import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import gguf
import numpy as np
import pytest
import xllamacpp

from judge.judges.judge import JudgedCase, Judgement
from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, Completion, Message, ReplyFormat, Sampling
from judge.models.openai import OpenAIChat
from judge.records.record import RecordKey, Target

# The smallest model that llama.cpp serves: untrained, so its verdicts are random.
WIDTH, HIDDEN, HEADS, CONTEXT = 32, 64, 2, 4096
SLOTS = 4
SEED = 7
SPECIAL = {
    "<unk>": gguf.TokenType.UNKNOWN,
    "<s>": gguf.TokenType.CONTROL,
    "</s>": gguf.TokenType.CONTROL,
    "<0x0A>": gguf.TokenType.BYTE,  # the line end
}
# Any other byte as a token could make up a reply that is no UTF-8, which llama.cpp will not send.
PRINTABLE = [chr(code) for code in range(ord("!"), ord("~") + 1)]
SPACE = "\u2581"

RECORDS = 200
TOO_LONG = {"3", "77", "150"}
EMPTY = {"5"}
CONFIG = """\
name: random-judge
dataset: {{items: items.jsonl}}
systems:
  small: {{role: student, outputs: outputs.jsonl}}
scorers:
  equivalence:
    judge:
      model: random-weights
      base_url: "{base_url}"
      response_format: json_schema
      temperature: 1.0
    against: [reference]
ratings:
  path: ratings.jsonl
  source: human
  blind: true
  sampling: random
"""


def write_model(path: Path, *, favoured: str = "") -> None:
    """Write a model of random weights, to which some characters may be far more probable."""
    tokens = [*SPECIAL, *PRINTABLE, SPACE]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([SPECIAL.get(token, gguf.TokenType.NORMAL) for token in tokens])
    writer.add_unk_token_id(tokens.index("<unk>"))
    writer.add_bos_token_id(tokens.index("<s>"))
    writer.add_eos_token_id(tokens.index("</s>"))
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}\n{% endfor %}")
    rng = np.random.default_rng(SEED)
    for name, shape in shapes(len(tokens)).items():
        drawn = rng.normal(0, 0.2, shape) if len(shape) == 2 else np.ones(shape)
        if favoured and name == "token_embd.weight":
            drawn[:, 0] = 3.0  # what every token has in common
        if favoured and name == "output.weight":
            drawn[:, 0] = [3.0 * (token in favoured) for token in tokens]
        writer.add_tensor(name, drawn.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def shapes(n_tokens: int) -> dict[str, tuple[int, ...]]:
    attention = {f"attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
    block: dict[str, tuple[int, ...]] = {
        **attention,
        "attn_norm": (WIDTH,),
        "ffn_norm": (WIDTH,),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }
    return {
        "token_embd.weight": (n_tokens, WIDTH),
        "output.weight": (n_tokens, WIDTH),
        "output_norm.weight": (WIDTH,),
        **{f"blk.0.{name}.weight": shape for name, shape in block.items()},
    }


def write_project(folder: Path, base_url: str) -> None:
    rng = np.random.default_rng(SEED)
    names = [str(number) for number in range(RECORDS)]
    items = [
        {"id": name, "input": f"Add 1 to {name}.", "reference": str(int(name) + 1)}
        for name in names
    ]
    outputs = [{"id": name, "output": output_of(name)} for name in names]
    ratings = [
        {"id": name, "system": "small", "rater": "anna", "label": str(label)}
        for name, label in zip(names, rng.choice(["different", "equivalent"], RECORDS), strict=True)
    ]
    for file, rows in (("items", items), ("outputs", outputs), ("ratings", ratings)):
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "judge.yaml").write_text(CONFIG.format(base_url=base_url))


def output_of(name: str) -> str:
    if name in EMPTY:
        return ""
    return "and so on " * (CONTEXT // 8) if name in TOO_LONG else f"It is {name}."


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("model") / "random.gguf"
    write_model(path)
    with served(path) as url:
        yield url


@contextmanager
def served(path: Path) -> Iterator[str]:
    """Serve a model on a free port of the loopback interface."""
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    params.port = 0
    # Its threads wait for each other by spinning: more than one crawl where cores are shared.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.verbosity = 0
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server  # letting it go stops it


@pytest.fixture(scope="module")
def project(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, base_url)
    return folder


def judge(*words: str, folder: Path) -> CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "judge", *words, "--store", "judge.sqlite", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        check=False,
    )


@pytest.fixture(scope="module")
def run(project: Path) -> CompletedProcess[bytes]:
    return judge("run", "judge.yaml", folder=project)


@pytest.fixture(scope="module")
def validation(run: CompletedProcess[bytes], project: Path) -> CompletedProcess[bytes]:
    return judge("validate", "judge.yaml", folder=project)


def test_at_a_real_server_every_record_is_scored_or_has_a_named_fate(
    run: CompletedProcess[bytes],
) -> None:
    report = json.loads(run.stdout)
    (row,) = report["estimates"]
    outcomes = {one["id"]: one["scores"]["equivalence.reference"] for one in report["examples"]}

    assert run.returncode == 0
    assert row["n_records"] == len(outcomes) == RECORDS
    assert row["scored"] + sum(row["fates"].values()) == RECORDS
    assert "internal_error" not in row["fates"]
    fates = {name: found["fate"] for name, found in outcomes.items() if "fate" in found}
    assert {name for name, fate in fates.items() if fate == "output_empty"} == EMPTY
    assert {name for name, fate in fates.items() if fate == "input_too_long"} == TOO_LONG
    labels = [found["label"] for found in outcomes.values() if "label" in found]
    assert len(labels) == row["scored"] > RECORDS * 0.9
    assert set(labels) == {"different", "equivalent"}


def test_a_judge_that_answers_at_random_is_refused(validation: CompletedProcess[bytes]) -> None:
    found = json.loads(validation.stdout)

    assert found["standing"] == "not_trusted"
    assert validation.returncode == 1
    assert found["agreement"]["n_items"] >= 50
    assert min(map(sum, found["agreement"]["confusion"])) >= 20


def test_what_a_refused_judge_says_stays_withheld(
    validation: CompletedProcess[bytes], project: Path
) -> None:
    report = json.loads(judge("report", "latest", folder=project).stdout)

    (row,) = report["estimates"]
    assert row["status"] == "withheld"
    assert not {"value", "low", "high", "bounds"} & row.keys()
    assert [trust["standing"] for trust in report["trust"]] == ["not_trusted"]
    assert report["trust"][0]["certificate"] == json.loads(validation.stdout)["certificate"]


WEIGHED = """\
---
id: equivalence/short
version: 1
criterion: equivalence
scale: {kind: binary, categories: [different, equivalent]}
reply:
  type: object
  properties: {verdict: {enum: [different, equivalent]}}
  required: [verdict]
  additionalProperties: false
---
Is it the same?
--- user ---
{{input}} {{against}} {{candidate}}
"""


def weighed_at(base_url: str, prompt: Path) -> Judgement:
    async def ask() -> Judgement:
        chat = OpenAIChat(
            "random-weights",
            base_url=base_url,
            api_key="none",
            reply_format=ReplyFormat.JSON_SCHEMA,
            connections=1,
        )
        judge = PromptedJudge(
            chat, prompt=read_prompt(prompt), sampling=Sampling(max_tokens=500), weighted=True
        )
        case = JudgedCase(
            key=RecordKey(item_id="1", system="small"),
            case_id="equivalence.reference/small/1",
            target=Target.REFERENCE,
            input="Add 1 to 1.",
            candidate="It is 2.",
            against=("2",),
        )
        try:
            return await judge.judge(case)
        finally:
            await chat.close()

    return asyncio.run(ask())


def test_a_real_server_gives_the_probabilities_that_a_verdict_is_weighed_by(
    base_url: str, tmp_path: Path
) -> None:
    prompt, path = tmp_path / "short.md", tmp_path / "favours.gguf"
    prompt.write_text(WEIGHED)
    write_model(path, favoured="de")

    with served(path) as decided:
        judgement = weighed_at(decided, prompt)
    undecided = weighed_at(base_url, prompt)

    (vote,) = judgement.votes
    chances = judgement.details["chances"]
    assert isinstance(chances, dict)
    assert judgement.value == chances["equivalent"] == pytest.approx(1 - chances["different"])
    assert judgement.value is not None
    assert 0.001 < judgement.value < 0.999
    assert (vote.label, vote.confidence) == (judgement.label, chances[judgement.label])
    assert judgement.label == max(chances, key=lambda label: float(chances[label]))
    # Each of its hundred characters is as probable as any other, and two begin a category.
    assert undecided.flags == ("not_weighted",)
    assert "of the probability is on the scale" in str(undecided.details["not_weighted"])


def test_a_streamed_answer_is_the_one_that_comes_at_once_and_its_first_token_is_timed(
    base_url: str,
) -> None:
    call = ChatCall(
        call_id="s/1#1",
        messages=(Message(role="user", content="Add 1 to 5."),),
        sampling=Sampling(temperature=0.0, max_tokens=24, seed=SEED, alternatives=3),
    )

    async def ask(*, streamed: bool) -> Completion:
        chat = OpenAIChat(
            "random-weights",
            base_url=base_url,
            api_key="none",
            reply_format=ReplyFormat.TEXT,
            connections=1,
            streamed=streamed,
        )
        try:
            return await chat.complete(call)
        finally:
            await chat.close()

    at_once, streamed = (asyncio.run(ask(streamed=one)) for one in (False, True))

    assert (streamed.text, streamed.finish_reason) == (at_once.text, at_once.finish_reason)
    assert (streamed.input_tokens, streamed.output_tokens) == (at_once.input_tokens, 24)
    assert "".join(one.token for one in at_once.alternatives) == at_once.text
    assert [one.token for one in streamed.alternatives] == [
        one.token
        for one in at_once.alternatives
        if one.token  # what has no text is not streamed
    ]
    assert all(len(one.others) >= 3 for one in streamed.alternatives)
    assert at_once.first_token_s is None
    assert streamed.first_token_s is not None
    assert 0 < streamed.first_token_s <= streamed.latency_s
