import json
from pathlib import Path
from typing import get_args

import jsonschema_rs
import pytest
import yaml

from judge.config import JudgeSection, config_schema, parse_config, place_in, read_config
from judge.errors import ConfigError
from judge.records.label import LabelKey
from judge.records.rating import LabelSource
from judge.records.record import Role, Target
from judge.shipped import shipped

ROOT = Path(__file__).parents[1]
BASE = """\
name: summaries
dataset: {items: items.jsonl}
systems:
  small: {role: student, outputs: small.jsonl}
"""
JUDGE = f"{BASE}scorers:\n  equivalence:\n    judge:\n"
RATINGS = f"{BASE}ratings:\n  path: ratings.jsonl\n  source: human\n"
FULL = """\
name: support-summaries
dataset:
  items: items.jsonl
  fields: {id: question_id, input: question, reference: golden_answer}
  alternatives: "/"
  cluster: document_id
slices: [difficulty, category]
systems:
  teacher:   {role: teacher, outputs: teacher.jsonl, fields: {output: answer}}
  distilled: {role: distilled, outputs: distilled.jsonl, parameters: 135M, family: smol}
scorers:
  equivalence:
    criterion: equivalence
    scale: {kind: binary, categories: [different, equivalent]}
    judge: {model: gpt-4.1-mini, prompt: equivalence/v1}
    against: [reference, teacher]
  similarity: {model: all-MiniLM-L6-v2, against: [reference, teacher]}
  adherence:  {schema: invoice.schema.json}
ratings:
  path: ratings.jsonl
  fields: {id: question_id, label: correct}
  labels: {true: equivalent, false: different}
  target: reference
  source: human
  blind: true
  sampling: random
trust: {primary: informedness, at_least: 0.6}
missing: {judged_on_empty_output: lowest}
"""


def _refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse_config(text, name="c.yaml")
    return str(refused.value)


def test_every_part_of_a_config_is_read() -> None:
    found = parse_config(FULL, name="c.yaml")

    assert found.dataset.fields["reference"] == "golden_answer"
    assert found.slices == ("difficulty", "category")
    assert list(found.systems) == ["teacher", "distilled"]
    assert found.systems["distilled"].role is Role.DISTILLED
    assert found.scorers.equivalence is not None
    assert isinstance(found.scorers.equivalence.judge, JudgeSection)
    assert found.scorers.equivalence.against == [Target.REFERENCE, Target.TEACHER]
    assert found.scorers.adherence is not None
    assert found.scorers.adherence.schema_file == "invoice.schema.json"
    assert found.ratings is not None
    assert found.ratings.source is LabelSource.HUMAN


def test_three_scorers_and_no_network_are_the_default() -> None:
    scorers = parse_config(BASE, name="c.yaml").scorers

    assert scorers.equivalence is not None
    assert scorers.similarity is not None
    assert scorers.adherence is not None
    assert scorers.equivalence.judge == "baseline"


def test_a_scorer_that_is_not_named_among_others_is_left_out() -> None:
    scorers = parse_config(f"{BASE}scorers:\n  similarity: {{}}\n", name="c.yaml").scorers

    assert (scorers.equivalence, scorers.adherence) == (None, None)


def test_labels_keep_the_types_they_are_written_in() -> None:
    labels = """\
  labels: {true: equivalent, "true": different, 0: different, "0": equivalent, yes!: different}
"""

    found = parse_config(RATINGS + labels, name="c.yaml").ratings

    assert found is not None
    assert [(type(key), key) for key in found.labels] == [
        (bool, True),
        (str, "true"),
        (int, 0),
        (str, "0"),
        (str, "yes!"),
    ]
    assert {type(key) for key in found.labels} <= set(get_args(LabelKey))


def test_environment_variables_are_expanded_in_values_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_TEST_DATA", "/data")
    monkeypatch.setenv("JUDGE_TEST_SEED", "7")
    monkeypatch.setenv("JUDGE_TEST_BRACES", "a: {b} ${JUDGE_TEST_DATA}")
    text = """\
name: ${JUDGE_TEST_BRACES}
dataset: {items: "${JUDGE_TEST_DATA}/${JUDGE_TEST_SEED}/items.jsonl"}
slices: ["${JUDGE_TEST_SEED}", $JUDGE_TEST_SEED]
systems:
  ${JUDGE_TEST_SEED}: {role: student, outputs: small.jsonl}
seed: ${JUDGE_TEST_SEED}
"""

    found = parse_config(text, name="c.yaml")

    assert found.dataset.items == "/data/7/items.jsonl"
    assert (found.slices, found.seed) == (("7", "$JUDGE_TEST_SEED"), 7)
    assert list(found.systems) == ["${JUDGE_TEST_SEED}"]
    # What a variable holds is a text, never YAML nor another variable.
    assert found.name == "a: {b} ${JUDGE_TEST_DATA}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"{BASE}seed: ${{JUDGE_TEST_UNSET}}\n", "c.yaml line 5: seed: "),
        (f"{BASE}slices:\n  - a\n  - ${{JUDGE_TEST_UNSET}}\n", "c.yaml line 7: slices.1: "),
        (
            BASE.replace("small.jsonl", '"${JUDGE_TEST_UNSET}/small.jsonl"'),
            "c.yaml line 4: systems.small.outputs: ",
        ),
    ],
)
def test_an_unset_variable_is_an_error_with_line_key_and_remedy(
    monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    monkeypatch.delenv("JUDGE_TEST_UNSET", raising=False)

    assert _refusal(text) == (
        f"{place}the environment variable JUDGE_TEST_UNSET is not set; "
        "set it, for example: export JUDGE_TEST_UNSET=..."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{BASE}seeds: 1\n",
            "line 5: seeds: unknown key (did you mean 'seed'?); known here: name,",
        ),
        (
            BASE.replace("dataset", "datset"),
            "line 2: datset: unknown key (did you mean 'dataset'?)",
        ),
        (
            BASE.replace("outputs", "output"),
            "line 4: systems.small.output: unknown key (did you mean",
        ),
        (
            f"{BASE}weather: fine\n",
            "line 5: weather: unknown key; known here: name, dataset, slices,",
        ),
        (
            f"{BASE}scorers:\n  adherence: {{schma: s}}\n",
            "line 6: scorers.adherence.schma: unknown key (did you mean 'schema'?); known here: s",
        ),
        (
            f"{JUDGE}      modle: gpt\n",
            "line 8: scorers.equivalence.judge.modle: unknown key (did you mean 'model'?)",
        ),
        (
            f"{JUDGE}      model: gpt\n      temprature: 1\n",
            "line 9: scorers.equivalence.judge.temprature: unknown key (did you mean 'temperat",
        ),
        (
            f"{JUDGE}      recorded: v.jsonl\n      lables: {{}}\n",
            "line 9: scorers.equivalence.judge.lables: unknown key (did you mean 'labels'?)",
        ),
        (
            "x: &x {role: student, outputz: o}\n" + BASE + "  large: *x\n",
            "line 6: systems.large.outputz: unknown key (did you mean 'outputs'?)",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_line_and_what_was_meant(text: str, message: str) -> None:
    assert f"c.yaml {message}" in _refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{JUDGE[:-1]} basline\n",
            "line 7: scorers.equivalence.judge: Input should be 'baseline', or a section with key",
        ),
        (
            f"{JUDGE[:-1]} [gpt]\n",
            "line 7: scorers.equivalence.judge: Input should be 'baseline', or a section with keys",
        ),
        (f"{JUDGE[:-1]} {{}}\n", "line 7: scorers.equivalence.judge.model: is missing"),
        (
            f"{JUDGE}      model: gpt\n      temperature: 3\n",
            "line 9: scorers.equivalence.judge.temperature: Input should be less than or equal",
        ),
        (
            f"{JUDGE}      recorded: 3\n",
            "line 8: scorers.equivalence.judge.recorded: Input should be a valid string; found 3",
        ),
    ],
)
def test_of_a_choice_the_branch_that_was_meant_is_complained_of(text: str, message: str) -> None:
    refusal = _refusal(text)

    assert f"c.yaml {message}" in refusal
    assert "Section" not in refusal
    assert "literal" not in refusal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE.replace("name: summaries\n", ""), "c.yaml: name: is missing"),
        (
            BASE.replace("summaries", "5"),
            "c.yaml line 1: name: Input should be a valid string; fou",
        ),
        (
            BASE.replace("{items: items.jsonl}", ""),
            "c.yaml line 2: dataset: Input should be a sect",
        ),
        (
            BASE.replace(", outputs: small.jsonl", ""),
            "c.yaml line 4: systems.small.outputs: is missi",
        ),
        (
            BASE.replace("student", "techer"),
            "c.yaml line 4: systems.small.role: Input should be 'teacher', 'sft', 'distilled' o",
        ),
        (f"{BASE}slices: kind\n", "c.yaml line 5: slices: Input should be a list; found 'kind'"),
        (
            f"{BASE}trust: {{at_least: 2}}\n",
            "line 5: trust.at_least: Input should be less than or ",
        ),
        (
            f"{BASE}scorers:\n  similarity:\n    against: [refrence]\n",
            "line 7: scorers.similarity.against.0: Input should be 'reference', 'teacher'",
        ),
        (
            f"{BASE}scorers:\n  equivalence:\n    scale: {{categories: [no, yes]}}\n",
            "line 7: scorers.equivalence.scale.categories.0: Input should be a valid string",
        ),
        (
            f"{RATINGS}  labels: {{null: different}}\n",
            "line 8: ratings.labels: Input should be a va",
        ),
        (f"{BASE}1: x\n", "c.yaml: Keys should be strings; found 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_what_would_be_right(
    text: str, message: str
) -> None:
    assert message in _refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BASE}seed: 1\nseed: 2\n", "line 6: seed stands already on line 5; keep one of the two"),
        (
            f"{BASE}  small: {{role: sft, outputs: o}}\n",
            "line 5: systems.small stands already on li",
        ),
        (
            f"{RATINGS}  labels:\n    true: different\n    yes: equivalent\n",
            "line 10: ratings.labels.y",
        ),
        (
            f"{RATINGS}  labels:\n    1: different\n    true: equivalent\n",
            "line 10: ratings.labels.tr",
        ),
        (
            f"{RATINGS}  labels: {{1: different, 0x1: equivalent}}\n",
            "line 8: ratings.labels.0x1 stands",
        ),
    ],
)
def test_a_key_that_would_silently_replace_another_is_refused(text: str, message: str) -> None:
    assert f"c.yaml {message}" in _refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            BASE.replace("student", "teacher") + "  large: {role: teacher, outputs: o}\n",
            "systems: small and large are both the teacher",
        ),
        (
            f"{BASE}scorers: {{equivalence: {{scale: {{categories: [a, b, c]}}}}}}\n",
            "scorers.equivalence.scale: a binary scale has two categories, not 3",
        ),
        (
            f"{BASE}scorers: {{equivalence: {{scale: {{categories: [no!, yes!]}}}}}}\n",
            "scorers.equivalence.judge: the baseline judge knows one scale, different, equivalent",
        ),
        (
            f"{BASE}scorers: {{equivalence: {{judge: {{model: m}}, scale: {{kind: pairwise}}}}}}\n",
            "scorers.equivalence.scale: pairs are judged on a pairwise scale",
        ),
        (
            f"{RATINGS}  labels: {{true: equivalnt}}\n",
            "ratings.labels: 'equivalnt' is not on the scale (did you mean 'equivalent'?); its c",
        ),
        (
            f"{JUDGE}      recorded: v.jsonl\n      labels: {{5: same}}\n",
            "scorers.equivalence.judge.labels: 'same' is not on the scale; its categories are: d",
        ),
        (
            f"{BASE}scorers: {{similarity: {{device: cpu, endpoint: {{}}}}}}\n",
            "scorers.similarity.device: is of a model that is run here; leave it out beside",
        ),
        (
            f"{BASE}scorers: {{similarity: {{also: [token_matching], endpoint: {{}}}}}}\n",
            "scorers.similarity.also: token_matching needs the vectors of tokens",
        ),
        (
            f"{BASE}scorers: {{adherence: {{schema: s.json, text: {{max_words: 9}}}}}}\n",
            "scorers.adherence: an output is JSON or a text; give 'schema:' or 'text:'",
        ),
        (
            f"{BASE}scorers: {{adherence: {{text: {{}}}}}}\n",
            "scorers.adherence.text: asks for nothing; give one of pattern, forbidden, headings",
        ),
        (
            f"{BASE}scorers: {{judged: {{alignment: {{}}}}}}\n",
            "scorers.judged.alignment: give it another name",
        ),
        ("name: x\ndataset: {items: i.jsonl}\n", "systems: are needed beside items"),
        (
            f"{BASE}".replace("items: items", "pairs: items"),
            "systems: are needed beside items, and",
        ),
        (BASE.replace("items:", "cluster:"), "dataset: needs 'items:' or 'pairs:', one of the two"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(text: str, message: str) -> None:
    assert f"c.yaml: {message}" in _refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "name: [a",
        "name: a: b",
        "name: \x00",
        f"{BASE}---\n{BASE}",
        f"{BASE}? [a]\n: b\n",
        f"{BASE}x: !!python/object/apply:os.getcwd []\n",
        f"{BASE}x: 2026-02-30\n",
        f"{BASE}x: *nothing\n",
    ],
)
def test_what_is_no_plain_yaml_is_refused(text: str) -> None:
    assert _refusal(text).startswith("c.yaml is no readable YAML: ")


@pytest.mark.parametrize("text", ["", "# nothing\n", "name", "- name\n", "3"])
def test_what_is_no_mapping_is_refused_with_an_example(text: str) -> None:
    assert _refusal(text) == "c.yaml must hold keys such as 'name:', 'dataset:' and 'systems:'"


@pytest.mark.parametrize("text", [f"{BASE}slices: &a [*a]\n", f"{BASE}slices: {'[' * 1000}\n"])
def test_yaml_without_a_bottom_is_refused(text: str) -> None:
    assert "c.yaml is nested too deeply, or an alias in it stands for a part" in _refusal(text)


def test_aliases_and_merges_are_plain_yaml() -> None:
    text = (
        "name: x\ndataset: {items: i.jsonl}\nsystems:\n"
        "  a: &a {role: student, outputs: a.jsonl, family: smol}\n"
        "  b: {<<: *a, outputs: b.jsonl}\n"
        "  c: *a\n"
    )

    found = parse_config(text, name="c.yaml").systems

    assert [(part.outputs, part.family) for part in found.values()] == [
        ("a.jsonl", "smol"),
        ("b.jsonl", "smol"),
        ("a.jsonl", "smol"),
    ]


def test_a_file_is_read_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "judge.yaml"
    path.write_text(f"# ä comment\n{BASE}", encoding="utf-8")

    config, text = read_config(path)

    assert (config, text) == (parse_config(BASE, name=""), f"# ä comment\n{BASE}")


@pytest.mark.parametrize("content", [None, b"name: \xff", b"\xff\xfen\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "judge.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as refused:
        read_config(path)

    assert str(refused.value).startswith(f"the config {path} cannot be read: ")


def test_the_shipped_schema_is_the_one_of_the_code() -> None:
    written = (ROOT / "configs" / "judge.schema.json").read_text(encoding="utf-8")

    assert written == f"{config_schema()}\n", "run `poe schema`"


def test_an_editor_with_the_shipped_schema_accepts_what_is_accepted_here() -> None:
    schema = jsonschema_rs.validator_for(json.loads(config_schema()))
    demo = shipped("human_labels/demo/judge.yaml").read_text(encoding="utf-8")
    public = (ROOT / "configs" / "evouna_nq.yaml").read_text(encoding="utf-8")

    for text in (BASE, FULL, demo, public, f"{JUDGE}      recorded: v.jsonl\n"):
        # As an editor sees it: YAML's keys are texts there.
        seen = json.loads(json.dumps(yaml.safe_load(text)))
        assert [error.message for error in schema.iter_errors(seen)] == []


@pytest.mark.parametrize(
    "text",
    [
        f"{BASE}seeds: 1\n",
        BASE.replace("student", "techer"),
        BASE.replace("name: summaries", ""),
        f"{JUDGE}      modle: gpt\n",
        f"{BASE}trust: {{at_least: 2}}\n",
    ],
)
def test_an_editor_with_the_shipped_schema_refuses_what_is_refused_here(text: str) -> None:
    schema = jsonschema_rs.validator_for(json.loads(config_schema()))

    assert not schema.is_valid(yaml.safe_load(text))
    _refusal(text)


def test_every_section_is_described_for_editors() -> None:
    schema = json.loads(config_schema())

    assert all(section["description"] for section in (schema, *schema["$defs"].values()))


def test_a_plan_of_labels_says_itself_how_they_were_drawn() -> None:
    planned = f"{RATINGS}  plan: ratings.plan.jsonl\n"

    found = parse_config(planned, name="c.yaml")

    assert found.ratings is not None
    assert found.ratings.plan == "ratings.plan.jsonl"
    assert "ratings.sampling: the plan says how the rows were drawn; leave it out" in _refusal(
        f"{planned}  sampling: random\n"
    )


def test_one_kind_of_task_may_stand_alone_or_several_in_a_list() -> None:
    one = parse_config(f"{BASE}scorers: {{task: {{kind: qa}}}}\n", name="c.yaml").scorers
    two = parse_config(
        f"{BASE}scorers: {{task: [{{kind: qa}}, {{kind: extraction, decimals: 2}}]}}\n",
        name="c.yaml",
    ).scorers

    assert [task.kind for task in one.task] == ["qa"]
    assert [(task.kind, task.decimals) for task in two.task] == [("qa", None), ("extraction", 2)]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("{kind: summary}", "scorers.task.kind: Input should be 'qa', 'summarization'"),
        ("{kind: qa, stemmer: true}", "stemmer: is for kind: summarization, not for kind: qa"),
        ("{kind: extraction, labels: [a, b]}", "labels: is for kind: classification"),
        ("[{kind: qa}, {kind: qa}]", "each kind of task stands once"),
        ("{kind: qa, against: [source]}", "should be 'reference' or 'teacher'"),
        ("{kind: qa, stemer: true}", "unknown key (did you mean 'stemmer'?)"),
    ],
)
def test_a_task_that_cannot_be_is_refused_with_what_can(task: str, words: str) -> None:
    assert words in _refusal(f"{BASE}scorers: {{task: {task}}}\n")


def test_pairs_have_no_task() -> None:
    text = "name: p\ndataset: {pairs: p.jsonl}\nscorers: {task: {kind: qa}}\n"

    assert "has no place beside pairs" in _refusal(text)


@pytest.mark.parametrize("name", ["rouge_2", "exact_match", "accuracy", "field_f1"])
def test_the_names_of_task_scores_are_taken(name: str) -> None:
    text = f"{BASE}scorers: {{judged: {{{name}: {{}}}}}}\n"

    assert "give it another name" in _refusal(text)


def test_training_files_need_at_least_one_file() -> None:
    text = BASE.replace("{items: items.jsonl}", "{items: items.jsonl, training: {files: []}}")

    assert "dataset.training.files" in _refusal(text)


DECIDING = BASE.replace("  small:", "  big: {role: teacher, outputs: big.jsonl}\n  small:")


def test_what_decides_is_declared_with_a_margin_of_nine_tenths_unless_another_is() -> None:
    found = parse_config(f"{DECIDING}decision: {{critical: [kind=mail]}}\n", name="c.yaml")

    assert found.decision is not None
    assert (found.decision.margin, found.decision.critical) == (0.9, ("kind=mail",))
    assert parse_config(DECIDING, name="c.yaml").decision is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{BASE}decision: {{}}\n", "needs a system with 'role: teacher'"),
        (f"{DECIDING}decision: {{margin: 0}}\n", "c.yaml line 6: decision.margin"),
        (f"{DECIDING}decision: {{marign: 0.9}}\n", "did you mean 'margin'?"),
        (f"{DECIDING}missing: {{unscored: none}}\n", "missing.unscored"),
    ],
)
def test_terms_that_decide_nothing_are_refused(text: str, said: str) -> None:
    assert said in _refusal(text)


def test_a_key_is_found_by_its_line() -> None:
    assert place_in(DECIDING, ["systems", "small"], name="c.yaml") == "c.yaml line 5: systems.small"


RULE = "gate: [{metric: adherence.strict, system: small, %s}]\n"


def test_a_rule_asks_one_thing_overall_unless_it_says_where() -> None:
    found = parse_config(BASE + RULE % "at_least: 0.9", name="c.yaml").gate

    assert [(rule.asked, rule.slices) for rule in found] == [({"at_least": 0.9}, ("overall",))]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("at_least: 0.9, at_most: 1", "c.yaml line 5: gate.0: a rule asks one of at_least"),
        ("of: small", "this one asks none of them"),
        ("at_least: 0.9, of: small", "'of:' belongs to 'retains:'"),
        ("at_least: 0.9, metrics: {adherence.strict: 1}", "this one names both"),
        ("saves_at_least: 0.9", "'saves_at_least:' is asked of time, tokens or money"),
        ("at_leest: 0.9", "did you mean 'at_least'?"),
        ("at_least: 0.9, slices: []", "gate.0.slices"),
    ],
)
def test_a_rule_that_asks_nothing_clear_is_refused_with_its_line(rule: str, said: str) -> None:
    assert said in _refusal(BASE + RULE % rule)


def test_a_rule_about_a_system_that_is_not_there_is_refused_with_a_guess() -> None:
    said = _refusal(BASE + RULE.replace("small", "smal") % "at_least: 0.9")

    assert "c.yaml line 5: gate.0: there is no system 'smal' (did you mean 'small'?)" in said
