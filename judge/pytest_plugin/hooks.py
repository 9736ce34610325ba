"""What pytest calls: options, fixtures, the marker and the summary; nothing heavy until used."""

import os
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from judge.errors import InputError, JudgeError, NoScore

if TYPE_CHECKING:
    from judge.pytest_plugin.judged import JudgedRecord, JudgedRun
    from judge.pytest_plugin.session import JudgeSession

_SESSION = pytest.StashKey["JudgeSession"]()
_SUMMARY = pytest.StashKey[list[str]]()
_MARKER = (
    "judged(system=None, outputs=None, where=None): one test for each item of the config's set, "
    "about what SYSTEM answered; OUTPUTS(input) makes its answers, else they come from its file; "
    "WHERE names slices"
)
_DEFAULT_CONFIG = "judge.yaml"
_DEFAULT_STORE = ".judge/judge.sqlite"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings of the same name."""
    group = parser.getgroup("judge", "scores by judges that were measured against people")
    group.addoption("--judge-config", metavar="FILE", help="config of the run that tests assert")
    group.addoption(
        "--judge-store", metavar="STORE", help="where results and certificates are kept"
    )
    group.addoption(
        "--judge-max-cost", type=float, metavar="DOLLARS", help="what the run may spend"
    )
    parser.addini("judge_config", f"config of the run that tests assert ({_DEFAULT_CONFIG})")
    parser.addini("judge_store", f"where results and certificates are kept ({_DEFAULT_STORE})")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each item of the set."""
    mark = metafunc.definition.get_closest_marker("judged")
    if mark is None or "judged" not in metafunc.fixturenames:
        return
    try:
        cases = _session(metafunc.config).cases(mark)
    except InputError as error:
        raise pytest.Collector.CollectError(f"judge: {error}") from error
    metafunc.parametrize("judged", cases, indirect=True, ids=[case.item_id for case in cases])


@pytest.fixture(scope="session")
def judge(request: pytest.FixtureRequest) -> "JudgedRun":
    """Return the run of the whole set of the config: all tests of a session share it."""
    return _run(request, whole=True)


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> "JudgedRecord":
    """Return one record of the run: what a system answered to an item, and what came of it."""
    case = getattr(request, "param", None)
    if case is None:
        pytest.fail("say whose answers it is about: @pytest.mark.judged(system=...)", pytrace=False)
    run = _run(request, whole=False)
    if why := run.failed.get((case.system, case.item_id)):
        pytest.fail(why, pytrace=False)
    return run.record(case.item_id, system=case.system)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report what has no score as an error: a test that could not be made, not one that failed."""
    report = yield
    if report.failed and call.excinfo is not None and call.excinfo.errisinstance(NoScore):
        # A failure in any phase but the call is an error to the terminal, JUnit and all others.
        report.when = "setup"
    return report


def pytest_terminal_summary(
    terminalreporter: "pytest.TerminalReporter",  # older versions do not export it
    config: pytest.Config,
) -> None:
    """Show what the run measured, as far as its judge is believed."""
    session = config.stash.get(_SESSION, None)
    if lines := session.summary() if session else config.stash.get(_SUMMARY, []):
        terminalreporter.write_sep("=", "judge")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the summary from a process of pytest-xdist to the one that prints."""
    handed_over: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    found = session.config.stash.get(_SESSION, None)
    if handed_over is not None and found is not None and found.scored_here:
        handed_over["judge"] = found.summary()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - pytest-xdist may not be installed
    """Take the summary from the process of pytest-xdist that scored."""
    if lines := getattr(node, "workeroutput", {}).get("judge"):
        node.config.stash[_SUMMARY] = lines


def _run(request: pytest.FixtureRequest, *, whole: bool) -> "JudgedRun":
    session = _session(request.config)
    note = None
    if hasattr(request.config, "workerinput"):
        base: Path = request.getfixturevalue("tmp_path_factory").getbasetemp()
        note = base.parent / "judge-run.json"  # the folder that all processes share
    try:
        return session.run(
            request.session.items, whole=whole, note=note, say=lambda w: _say(request.config, w)
        )
    except JudgeError as error:
        return pytest.fail(f"judge: {error}", pytrace=False)


def _session(config: pytest.Config) -> "JudgeSession":
    if (found := config.stash.get(_SESSION, None)) is None:
        from judge.pytest_plugin.session import JudgeSession

        found = config.stash[_SESSION] = JudgeSession(
            _config_path(config), store=_store(config), max_cost=config.getoption("judge_max_cost")
        )
    return found


def _config_path(config: pytest.Config) -> Path:
    if given := config.getoption("judge_config"):
        return config.invocation_params.dir / str(given)
    home = config.inipath.parent if config.inipath else config.rootpath
    return home / (config.getini("judge_config") or _DEFAULT_CONFIG)


def _store(config: pytest.Config) -> str:
    home = config.inipath.parent if config.inipath else config.rootpath
    places = (
        (config.getoption("judge_store"), config.invocation_params.dir),
        (os.environ.get("JUDGE_STORE"), config.invocation_params.dir),
        (config.getini("judge_store"), home),
        (_DEFAULT_STORE, home),
    )
    location, folder = next((str(given), folder) for given, folder in places if given)
    return location if "://" in location else str(folder / location)


def _say(config: pytest.Config, words: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None:  # in a process of pytest-xdist
        return
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        reporter.ensure_newline()
        reporter.write_line(words)
