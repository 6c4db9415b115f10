"""Compares the commands that the code issues while it replays a history with the accepted ones, one JSON line each.

The Replayer compares the kinds of commands, not their contents: an amount, a queue or a timeout may change and it
passes. So every command of a workflow is recorded here: activities with arguments, queue, timeouts and retry policy,
local or not; timers; signals and children; search attributes; patch flags; results. An outbound interceptor would see
the activities only. Running numbers are left out, so that one more command is one more line.
"""

import base64
import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

from adapters.temporal.connect import data_converter
from adapters.temporal.query_guard import PassedOn
from tests.fakes.sandbox import RUNNER
from workflows.registry import declared_workflows

HISTORIES = Path(__file__).parent / "histories"
TIMER = re.compile(r'("start_to_fire_timeout": ")(\d+\.\d+)s"')
RUNNING_NUMBERS = {"seq", "activity_id"}
WANTED = """
If this change is intended: give the reason in a decision record (docs/decisions/), put it behind a patch flag
(workflows/core/patches.py) if running purchases would replay differently, and accept it with `make golden`.
`make record` records the histories again.
"""


class CommandLog(WorkflowRunner):
    """Wraps a runner and records the commands of its workflows."""

    def __init__(self, inner: WorkflowRunner) -> None:
        self._inner = inner
        self.lines: list[str] = []

    def prepare_workflow(self, defn: Any) -> None:
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Logged(self._inner.create_instance(det), self.lines)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._inner.set_worker_level_failure_exception_types(types)


class _Logged(PassedOn):
    def __init__(self, inner: WorkflowInstance, lines: list[str]) -> None:
        super().__init__(inner)
        self._lines = lines

    def activate(self, act: Any) -> Any:
        completion = super().activate(act)
        for command in completion.successful.commands:
            content = _readable(MessageToDict(command, preserving_proto_field_name=True))
            self._lines.append(json.dumps(content, sort_keys=True))
        return completion


def _readable(value: Any) -> Any:
    """Decode payloads and leave out running numbers."""
    if isinstance(value, dict):
        if "metadata" in value and set(value) <= {"metadata", "data"}:
            text = base64.b64decode(value.get("data", ""))
            return json.loads(text) if text else None
        return {key: _readable(item) for key, item in value.items() if key not in RUNNING_NUMBERS}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def history(name: str, old: str = "", new: str = "") -> WorkflowHistory:
    """Read a history, with `old` replaced by `new` if given."""
    text = (HISTORIES / f"{name}.json").read_text()
    return WorkflowHistory.from_json(name, json.loads(text.replace(old, new) if old else text))


def build_replayer(
    workflows: Sequence[type] | None = None,
    runner: WorkflowRunner = RUNNER,
    codec_keys: Mapping[str, bytes] | None = None,
) -> Replayer:
    """Return a replayer of histories with the present workflows, or with others, in the worker's sandbox.

    Encrypted histories need their keys; plain ones replay with keys, too.
    """
    return Replayer(
        workflows=declared_workflows() if workflows is None else workflows,
        data_converter=data_converter(codec_keys or {}),
        workflow_runner=runner,
    )


async def commands(name: str, runner: WorkflowRunner = RUNNER) -> list[str]:
    """Replay a history and return the issued commands; raise if the code does not fit the history."""
    log = CommandLog(runner)
    await build_replayer(runner=log).replay_workflow(history(name))
    return log.lines


def golden(name: str) -> Path:
    """Return the file of a history's accepted commands."""
    return HISTORIES / f"{name}.commands.jsonl"


def in_milliseconds(line: str) -> str:
    """Return a command with its timer rounded to milliseconds, as the library does since Python 3.12."""
    return TIMER.sub(lambda found: f'{found[1]}{float(found[2]):.3f}s"', line)


def difference(name: str, accepted: Sequence[str], issued: Sequence[str]) -> str:
    """Return a report of changed commands (differing fields, lines, how to accept them); empty if none."""
    accepted, issued = [in_milliseconds(line) for line in accepted], [in_milliseconds(line) for line in issued]
    if accepted == issued:
        return ""
    fields = [
        f"  {title}: {path}: {old} -> {new}"
        for kind, a, b, c, d in difflib.SequenceMatcher(None, accepted, issued, autojunk=False).get_opcodes()
        if kind == "replace" and b - a == d - c
        for before, after in zip(accepted[a:b], issued[c:d], strict=True)
        for title, path, old, new in _changed(json.loads(before), json.loads(after))
    ]
    lines = difflib.unified_diff(accepted, issued, golden(name).name, "issued by the code", n=0, lineterm="")
    words = f"The workflow of {name} no longer issues the commands that were accepted."
    return "\n".join([words, *fields, "", *lines, WANTED])


def _changed(before: Any, after: Any) -> list[tuple[str, str, str, str]]:
    """List the fields in which two commands differ."""
    old, new = _flat(before), _flat(after)
    title = next((item for path, item in new.items() if path.endswith("activity_type")), next(iter(after)))
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [(title, key, old.get(key, "nothing"), new.get(key, "nothing")) for key in keys]


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, dict | list):
        pairs: Iterable[tuple[str | int, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: item for part, below in pairs for key, item in _flat(below, f"{path}.{part}".lstrip(".")).items()}
    return {path: str(value)}
