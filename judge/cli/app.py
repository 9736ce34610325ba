"""The command line: its verbs, and the door at which errors become exit codes."""

import logging
import secrets
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from judge.cli.backup import backup, restore
from judge.cli.cache import cache
from judge.cli.compare import compare
from judge.cli.demo import demo
from judge.cli.doctor import doctor
from judge.cli.exits import MEANINGS, ExitCode
from judge.cli.export import export
from judge.cli.freeze import freeze
from judge.cli.gate import gate
from judge.cli.generate import generate
from judge.cli.history import history
from judge.cli.init import init
from judge.cli.keys import keys
from judge.cli.label import label
from judge.cli.monitor import monitor
from judge.cli.plan import plan
from judge.cli.remote import fetch, status, submit
from judge.cli.report import report
from judge.cli.reread import reread
from judge.cli.resume import resume
from judge.cli.run import run
from judge.cli.serve import serve
from judge.cli.tune import tune
from judge.cli.validate import validate
from judge.cli.verify import verify
from judge.cli.worker import worker
from judge.errors import InputError, JudgeError

_LOGGER = logging.getLogger(__name__)

app = typer.Typer(
    name="judge",
    help="Scores what student models wrote, and believes no judge that was not measured against "
    "people.",
    epilog=MEANINGS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from importlib.metadata import version

        print(version("judge"))
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_print_version,
            help="Print the version and leave.",
        ),
    ] = False,
) -> None:
    del version  # its callback has printed it


# In the order of a project: what a newcomer needs stands first.
_VERBS: dict[str, tuple[Callable[..., None], ...]] = {
    "Score": (demo, init, run, resume, report, export),
    "Trust the judge": (plan, label, validate, tune),
    "Decide, and gate a pull request": (gate, compare, history, freeze, verify, monitor),
    "Make outputs": (generate,),
    "Service": (serve, worker, submit, status, fetch),
    "Keep": (reread, backup, restore, cache, doctor),
}
for _panel, _verbs in _VERBS.items():
    for _verb in _verbs:
        app.command(epilog=MEANINGS, rich_help_panel=_panel)(_verb)
app.add_typer(keys, name="keys", rich_help_panel="Service")


def main() -> None:
    """Run a command and leave with its exit code."""
    logging.basicConfig(level=logging.WARNING, format="judge: %(message)s", stream=sys.stderr)
    try:
        app()
    except InputError as error:
        _leave(str(error), ExitCode.BAD_INPUT)
    except JudgeError as error:
        _leave(f"{error}; what was stored is kept: judge resume latest", ExitCode.INCOMPLETE)
    except Exception as error:
        incident = secrets.token_hex(4)
        _LOGGER.exception("incident %s", incident)
        _leave(f"internal error, incident {incident} ({type(error).__name__})", ExitCode.INTERNAL)


def _leave(message: str, code: ExitCode) -> None:
    from judge.render.text import printable

    print(f"judge: {printable(message)}", file=sys.stderr)
    sys.exit(code)
