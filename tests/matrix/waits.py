"""The waits of workflows, collected from their source: the summaries of every timer that they start."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOM = Path(__file__).parents[2] / "workflows"
NAMES = {"summary", "timeout_summary"}
POSITIONS = {"_pause": slice(-1, None), "_rest": slice(1, 2)}  # of the summary


def timers_of(source: str) -> set[str]:
    """Return the summaries of the timers that a module starts; of one with a name in it, the words before the name."""
    return {
        text
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and {"wait_condition", "sleep", "_pause", "_rest"} & {getattr(node, "attr", "") for node in ast.walk(function)}
        for text in _summaries(function)
    }


def every_timer() -> set[str]:
    """Return the summaries of all workflows' timers."""
    return set().union(*(timers_of(path.read_text()) for path in ROOM.rglob("*.py")))


def _summaries(function: ast.AST) -> Iterator[str]:
    activities = {id(part) for call in _calls(function) if _is_activity(call) for part in ast.walk(call)}
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg in NAMES and id(node) not in activities:
            yield from _words(node.value)
        if isinstance(node, ast.Assign):
            yield from _assigned(node)
        if isinstance(node, ast.Call) and (attr := getattr(node.func, "attr", "")) in POSITIONS:
            yield from (text for argument in node.args[POSITIONS[attr]][:1] for text in _words(argument))


def _assigned(node: ast.Assign) -> Iterator[str]:
    target, value = node.targets[0], node.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=True))
    given = {getattr(name, "id", ""): words for name, words in pairs}
    if "method" not in given:  # else it is an activity's
        for name in NAMES & given.keys():
            yield from _words(given[name])


def _calls(function: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)]


def _is_activity(call: ast.Call) -> bool:
    return getattr(call.func, "attr", "") in {"call", "attempt", "_store", "_stripe", "execute_activity_method"}


def _words(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.JoinedStr):
        value = value.values[0]
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value.strip()
