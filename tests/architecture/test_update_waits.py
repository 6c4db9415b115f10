"""An update waits only by `RunHistory.until`, which lets it go when its run or its workflow ends (decision 0078)."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAIT = "wait_condition"
UPDATES = {"operator_act", "update"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def named_in(function: Function) -> set[str]:
    """Return the names that a function reads, with those of attributes: `self._leave_off` is `_leave_off`."""
    nodes = [node for line in function.body for node in ast.walk(line)]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {
        node.id for node in nodes if isinstance(node, ast.Name)
    }


def is_update(function: Function) -> bool:
    """Return whether a decorator makes a method an update."""
    called = [decorator.func for decorator in function.decorator_list if isinstance(decorator, ast.Call)]
    return any(UPDATES & {getattr(name, "id", ""), getattr(name, "attr", "")} for name in called)


def waiting(source: str) -> dict[str, list[str]]:
    """Return, for each update of a module, itself and those methods of its class that it names, if they wait freely."""
    found = {}
    for kind in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]:
        methods = {one.name: one for one in kind.body if isinstance(one, Function)}
        for update in [one for one in methods.values() if is_update(one)]:
            reached, left = set[str](), {update.name}
            while left:
                reached |= left
                left = {name for seen in left for name in named_in(methods[seen]) & methods.keys()} - reached
            found[update.name] = sorted(name for name in reached if WAIT in named_in(methods[name]))
    return found


def test_no_update_waits_for_ever() -> None:
    """Each wait of an update, and of the methods that it names, ends with its run."""
    found = {
        f"{path.relative_to(ROOT)}: {update}": waits
        for path in sorted(ROOT.glob("workflows/**/*.py"))
        for update, waits in waiting(path.read_text()).items()
    }
    assert len(found) > len(UPDATES)
    assert {update: waits for update, waits in found.items() if waits} == {}


def test_a_free_wait_is_seen() -> None:
    """In the update itself, or in a method that it names."""
    source = """
class Workflow:
    @operator_act(GIVE_UP, lambda self: None)
    def give_up(self, _):
        return self._leave_off

    async def _leave_off(self):
        await workflow.wait_condition(lambda: self._done)

    @workflow.update(name="look")
    async def look(self, *_):
        await self._history.until(lambda: self._done)
"""
    assert waiting(source) == {"give_up": ["_leave_off"], "look": []}
