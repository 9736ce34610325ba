"""Scores what student models wrote, and believes no judge that was not measured against people.

    import asyncio
    from datetime import UTC, datetime
    from pathlib import Path

    import judge

    project = judge.open_project(Path("judge.yaml"))
    with judge.open_store() as store:
        run = asyncio.run(judge.evaluate(project, store, now=lambda: datetime.now(UTC)))
        report = judge.report(store, run, now=datetime.now(UTC))

Names are loaded when they are first used: importing this package loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from judge.api.project import Project
    from judge.api.reporting import report
    from judge.api.scoring import evaluate, forecast, resume
    from judge.api.validating import validate_judge
    from judge.errors import (
        ConfigError,
        DataError,
        InputError,
        JudgeError,
        NoScore,
        StoreError,
    )
    from judge.pytest_plugin.judged import JudgedRecord, JudgedRun, assert_judged
    from judge.render.json import examples_jsonl, report_json
    from judge.render.validation_json import validation_json
    from judge.reports.report import Report
    from judge.results.outcome import Fate, NotApplicable, Score
    from judge.results.store import MemoryStore, find_run
    from judge.stats.estimate import Estimate, Undefined
    from judge.trust.certificate import Certificate, Standing
    from judge.trust.validation import Validation
    from judge.wiring.endpoint import CallLimits
    from judge.wiring.project import open_project, reopen_project
    from judge.wiring.store import open_store

__all__ = [
    "CallLimits",
    "Certificate",
    "ConfigError",
    "DataError",
    "Estimate",
    "Fate",
    "InputError",
    "JudgeError",
    "JudgedRecord",
    "JudgedRun",
    "MemoryStore",
    "NoScore",
    "NotApplicable",
    "Project",
    "Report",
    "Score",
    "Standing",
    "StoreError",
    "Undefined",
    "Validation",
    "assert_judged",
    "evaluate",
    "examples_jsonl",
    "find_run",
    "forecast",
    "open_project",
    "open_store",
    "reopen_project",
    "report",
    "report_json",
    "resume",
    "validate_judge",
    "validation_json",
]

_HOMES = {
    "judge.api.project": ("Project",),
    "judge.api.reporting": ("report",),
    "judge.api.scoring": ("evaluate", "forecast", "resume"),
    "judge.api.validating": ("validate_judge",),
    "judge.errors": (
        *("ConfigError", "DataError", "InputError", "JudgeError", "NoScore", "StoreError"),
    ),
    "judge.pytest_plugin.judged": ("JudgedRecord", "JudgedRun", "assert_judged"),
    "judge.render.json": ("examples_jsonl", "report_json"),
    "judge.render.validation_json": ("validation_json",),
    "judge.reports.report": ("Report",),
    "judge.results.outcome": ("Fate", "NotApplicable", "Score"),
    "judge.results.store": ("MemoryStore", "find_run"),
    "judge.stats.estimate": ("Estimate", "Undefined"),
    "judge.trust.certificate": ("Certificate", "Standing"),
    "judge.trust.validation": ("Validation",),
    "judge.wiring.endpoint": ("CallLimits",),
    "judge.wiring.project": ("open_project", "reopen_project"),
    "judge.wiring.store": ("open_store",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'judge' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
