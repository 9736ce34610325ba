"""``judge verify``: is the evaluation set the frozen one, and did training have any of it?"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import JsonOption
from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.records.verification import TrainingFiles, Verification
    from judge.wiring.frozen import EvaluationSet

_LINE_EVERY_S = 10.0
_HEAD = 4096


def verify(
    source: Annotated[
        Path, typer.Argument(metavar="CONFIG|MANIFEST", help="A config, or a manifest alone.")
    ],
    *,
    manifest: Annotated[
        Path | None,
        typer.Option(help="What the set was frozen in; default: the config's.", show_default=False),
    ] = None,
    training: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Look for the set in a training file: .jsonl, .csv, .tsv, .txt or .md, each also "
            "with .gz; repeatable; default: the config's.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this column of training files; repeatable."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYSTEM",
            help="Look for the answers of a system too, such as the teacher; repeatable.",
        ),
    ] = None,
    meaning: Annotated[
        float | None,
        typer.Option(
            metavar="COSINE",
            min=-1,
            max=1,
            help="Also tell training texts that close in meaning, by embeddings, such as 0.95.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a set against its manifest and against training files: 0 same and clean, 1 not."""
    from judge.cli.output import print_json, print_page
    from judge.records.frozen import read_manifest
    from judge.records.verification import verify as verified
    from judge.render.json import encoded
    from judge.render.verification_page import (
        frozen_json,
        frozen_page,
        verification_json,
        verification_page,
    )
    from judge.wiring.frozen import open_set

    if _is_manifest(source):
        if manifest or training or column or outputs or meaning is not None:
            raise ConfigError(
                f"{source} is a manifest, which holds hashes and no texts: name the config to "
                "hold its set against it or to look into training files"
            )
        frozen = read_manifest(source)
        if as_json:
            print_json(encoded(frozen_json(frozen)))
        else:
            print_page(frozen_page(frozen))
        return
    found = open_set(source)
    path = manifest or found.manifest
    files = _training(found, training or [], column or [], outputs or [])
    if meaning is not None and files is None:
        raise ConfigError("--meaning is for training files: add --training FILE")
    if path is None and files is None:
        raise ConfigError(
            f"there is nothing to hold {source} against: freeze its set first (judge freeze "
            f"{source}), or name training files with --training"
        )
    verification = verified(
        found.dataset,
        name=found.name,
        frozen=None if path is None else read_manifest(path),
        training=files,
        on_batch=_Progress().tell,
    )
    if meaning is not None and files is not None:
        verification = _with_meaning(verification, found, files, at_least=meaning)
    if as_json:
        print_json(encoded(verification_json(verification)))
    else:
        print_page(verification_page(verification, n_items=len(found.dataset.items)))
    raise typer.Exit(_exit_code(verification))


def _is_manifest(path: Path) -> bool:
    from judge.records.frozen import KIND

    try:
        with path.open("rb") as file:
            return KIND.encode() in file.read(_HEAD) and file.seek(0) == 0 and file.read(1) == b"{"
    except OSError:
        return False  # the config says so


def _training(
    found: "EvaluationSet", files: list[Path], columns: list[str], outputs: list[str]
) -> "TrainingFiles | None":
    from judge.records.verification import TrainingFiles
    from judge.wiring.frozen import check_systems

    named = found.training
    if not files and named is None:
        if columns or outputs:
            raise ConfigError("--column and --outputs are for training files: add --training FILE")
        return None
    check_systems(tuple(outputs), found.dataset, place="--outputs")
    return TrainingFiles(
        files=tuple(files) or (named.files if named else ()),
        columns=tuple(columns) or (named.columns if named and not files else ()),
        outputs=tuple(outputs) or (named.outputs if named else ()),
    )


def _with_meaning(
    verification: "Verification",
    found: "EvaluationSet",
    training: "TrainingFiles",
    *,
    at_least: float,
) -> "Verification":
    from dataclasses import replace

    from judge.api.meaning import alike_in_training
    from judge.cli.loop import run_until_done

    alike, _ = run_until_done(
        lambda _: alike_in_training(
            found.dataset,
            training,
            found.embedder(),
            at_least=at_least,
            told=verification.overlap,
            on_batch=_Progress().tell,
        )
    )
    return replace(verification, alike=alike)


def _exit_code(found: "Verification") -> int:
    from judge.cli.exits import ExitCode, gravest

    return gravest(
        code
        for code, holds in (
            (ExitCode.REFUSED, found.changed or found.leaked),
            (ExitCode.INCONCLUSIVE, bool(found.unread)),
        )
        if holds
    )


class _Progress:
    """Says now and then on stderr how far a search has come."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tell(self, file: Path, line: int) -> None:
        if time.monotonic() - self._last >= _LINE_EVERY_S:
            self._last = time.monotonic()
            print(f"judge: {file.name} line {line:,}", file=sys.stderr)
