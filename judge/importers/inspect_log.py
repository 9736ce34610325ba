"""Logs and samples of inspect_ai: ``.eval`` archives, ``.json`` logs, samples as JSON lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from judge.errors import DataError
from judge.importers.archive import Archive
from judge.importers.documents import parse
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, answer_texts
from judge.importers.texts import input_text, output_text
from judge.importers.values import list_of, object_of, objects_of, text_of
from judge.records.strict_json import JsonObject, JsonValue

LOG, SAMPLES = "an inspect_ai log", "inspect_ai samples"
MEMBER = "header.json"
"""The member by which an archive is recognised."""

_VERSIONS = (1, 2)
_ATTACHMENT = "attachment://"
# Scorers of inspect_ai itself that compare texts by a formula.
_FORMULAS = frozenset({"match", "includes", "exact", "f1", "pattern", "answer", "choice", "math"})
# Its grades, worst first; no answer (N) counts 0 in its own value_to_float, as I does.
_GRADES = ("I", "P", "C")
_NO_ANSWER = "N"
_MEMBER_EPOCH = re.compile(r"_epoch_(\d{1,9})\.json$")
_ID, _EPOCH = "id", "epoch"


def is_log(document: JsonValue) -> bool:
    """Whether a document is a log, by its keys."""
    return (
        isinstance(document, dict)
        and {"version", "eval", "status"} <= document.keys()
        and isinstance(document["eval"], dict)
    )


def is_sample(row: JsonValue) -> bool:
    """Whether a row is a sample as logs hold them, by its keys."""
    return isinstance(row, dict) and {_ID, _EPOCH, "input", "output"} <= row.keys()


def read_archive(path: Path) -> Imported:
    """Read an ``.eval`` log.

    Raises:
        DataError: it is damaged, over the limits, or of a version that is not known.
        MissingExtra: it is compressed with Zstandard, and that is not installed.
    """
    with Archive(path) as archive:
        header = parse(archive.read(MEMBER), place=f"{path.name}: {MEMBER}")
        if not is_log(header):
            raise DataError(
                f"{path.name}: {MEMBER} is no header of an inspect_ai log (keys version, status, "
                "eval); write the log again as .json: inspect log convert --to json"
            )
        # Members come in any order. One is read at a time: a log may be larger than the memory.
        names = sorted((n for n in archive.names if n.startswith("samples/")), key=_epoch_of_name)

        def samples() -> Iterator[tuple[str, JsonValue]]:
            for name in names:
                place = f"{path.name}: {name}"
                yield place, parse(archive.read(name), place=place)

        return _read_log(path, header, samples())


def read_log(path: Path, log: JsonValue) -> Imported:
    """Read a ``.json`` log.

    Raises:
        DataError: a sample is none, or the log's version is not known.
    """
    samples = [
        (f"{path.name}: samples[{k}]", one)
        for k, one in enumerate(list_of(object_of(log).get("samples")))
    ]
    return _read_log(path, log, iter(sorted(samples, key=_epoch)))


def read_samples(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Imported:
    """Read samples that stand alone, each with the model that answered it.

    Raises:
        DataError: a row is no sample.
    """
    gathering = Gathering(tool=SAMPLES, path=path)
    _take_all(gathering, iter(sorted(rows, key=_epoch)), model="")
    return gathering.done()


def _read_log(path: Path, header: JsonValue, samples: Iterator[tuple[str, JsonValue]]) -> Imported:
    if not isinstance(header, dict):
        raise DataError(f"{path.name}: a log must be an object")
    if header["version"] not in _VERSIONS:
        raise DataError(
            f"{path.name}: version: {header['version']!r} of inspect_ai's log format is not known; "
            f"known are {', '.join(map(str, _VERSIONS))}: write it with a release that has these"
        )
    spec = object_of(header["eval"])
    gathering = Gathering(tool=LOG, path=path)
    taken = _take_all(gathering, samples, model=text_of(spec.get("model")))
    gathering.became("eval.model", "system")
    known = object_of(spec.get("dataset")).get("samples")
    if isinstance(known, int) and known > taken:
        status = header.get("status")
        gathering.leave_out(
            f"samples of the task that the log (status {status}) does not hold", known - taken
        )
    return gathering.done()


def _take_all(gathering: Gathering, samples: Iterator[tuple[str, JsonValue]], *, model: str) -> int:
    """Take every sample; return how many items there are."""
    ids: set[str] = set()
    for place, sample in samples:  # by epoch: the first one counts
        if not isinstance(sample, dict) or not {_ID, "input"} <= sample.keys():
            raise DataError(
                f"{place}: no sample of inspect_ai: it needs the keys 'id' and 'input'; log the "
                "samples in full (log_samples)"
            )
        ids.add(str(sample[_ID]))
        _take(gathering, sample, place=place, model=model)
    gathering.became("id", "id")
    gathering.became("input", "input")
    gathering.became("target", "reference")
    gathering.became("output.completion", "output")
    gathering.became("metadata", "slices, where it has few values")
    return len(ids)


def _epoch_of_name(member: str) -> int:
    found = _MEMBER_EPOCH.search(member)
    return int(found[1]) if found else 1


def _epoch(placed: tuple[str, JsonValue]) -> int:
    _, sample = placed
    epoch = sample.get(_EPOCH) if isinstance(sample, dict) else None
    return epoch if isinstance(epoch, int) else 1


def _take(gathering: Gathering, sample: JsonObject, *, place: str, model: str) -> None:
    item_id = str(sample[_ID])
    output = object_of(sample.get("output"))
    system = model or text_of(output.get("model")) or ONLY_SYSTEM
    gathering.item(
        item_id,
        input=_resolved(sample, input_text(sample["input"])),
        references=answer_texts(sample.get("target")),
        metadata=object_of(sample.get("metadata")),
        place=place,
    )
    text, error = _answer(sample, output)
    taken = gathering.output(
        item_id,
        system=system,
        output=text,
        took=_took(gathering, sample, output),
        error=error,
        place=place,
    )
    if not taken:
        gathering.leave_out("outputs of later epochs: an item has one output of a system")
        return
    for name, score in _scores(sample):
        _take_score(gathering, name, score, item_id=item_id, system=system, place=place)


def _answer(sample: JsonObject, output: JsonObject) -> tuple[str | None, str]:
    error = text_of(object_of(sample.get("error")).get("message"))
    completion = output.get("completion")
    text = completion if isinstance(completion, str) else None
    if not text:
        text = output_text(dict(output)) if output.get("choices") else text
    if text is not None:
        text = _resolved(sample, text)
    return (None if error and not text else text), error


def _took(gathering: Gathering, sample: JsonObject, output: JsonObject) -> Mapping[str, JsonValue]:
    turns = [one for one in objects_of(sample.get("messages")) if one.get("role") == "assistant"]
    if len(turns) > 1:
        gathering.leave_out("time and tokens of samples with several turns")
        return {}
    usage, seconds = object_of(output.get("usage")), output.get("time")
    return {
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "latency_ms": seconds * 1000 if isinstance(seconds, int | float) else None,
    }


def _scores(sample: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield each score under its scorer's name; one of several values under a name for each."""
    scores = {name: object_of(one) for name, one in object_of(sample.get("scores")).items()}
    if not scores and isinstance(sample.get("score"), dict):  # logs of version 1
        scores = {"score": object_of(sample["score"])}
    for name, score in scores.items():
        short, value = name.rpartition("/")[2], score.get("value")
        if isinstance(value, dict):
            for key, one in value.items():
                yield f"{short}-{key}", {**score, "value": one}
        else:
            yield short, score


def _take_score(
    gathering: Gathering,
    name: str,
    score: JsonObject,
    *,
    item_id: str,
    system: str,
    place: str,
) -> None:
    if name in _FORMULAS:
        gathering.leave_out(f"scores of {name}, which is a formula and no judge")
        return
    value = score.get("value")
    if value == _NO_ANSWER:
        value = _GRADES[0]
        gathering.became("the grade N", "I, as inspect_ai counts it")
    if value in _GRADES:
        gathering.scale(name, _GRADES)
    gathering.became(f"scores.{name}", f"verdicts of {name}")
    gathering.verdict(
        item_id,
        system=system,
        judge=name,
        label=value,
        reply=score.get("explanation"),
        place=place,
    )


def _resolved(sample: JsonObject, text: str) -> str:
    """Return a text that stands among the sample's attachments, or the text itself."""
    if not text.startswith(_ATTACHMENT):
        return text
    found = object_of(sample.get("attachments")).get(text.removeprefix(_ATTACHMENT))
    return found if isinstance(found, str) else text
