"""An update waits only by `RunHistory.until`, which lets it go when its run or its workflow ends (decision 0078)."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAIT, LET_GO = "wait_condition", "until"
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


def waiting(*sources: str) -> dict[str, list[str]]:
    """Return, for each update, itself and the methods that it reaches by their names, if they wait freely."""
    kinds = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    methods = dict[str, list[Function]]()
    for one in [one for kind in kinds for one in kind.body if isinstance(one, Function)]:
        methods.setdefault(one.name, []).append(one)
    found = {}
    for kind in kinds:
        for update in [one for one in kind.body if isinstance(one, Function) and is_update(one)]:
            reached, left = set[str](), named_in(update) & methods.keys() - {LET_GO}
            while left:
                reached |= left
                named = [named_in(method) for name in left for method in methods[name]]
                left = set().union(*named) & methods.keys() - {LET_GO} - reached
            free = {name for name in reached if any(WAIT in named_in(method) for method in methods[name])}
            found[f"{kind.name}.{update.name}"] = sorted(free | ({update.name} if WAIT in named_in(update) else set()))
    return found


def test_no_update_waits_for_ever() -> None:
    """Each wait of an update, and of the methods that it names, ends with its run."""
    found = waiting(*(path.read_text() for path in sorted(ROOT.glob("workflows/**/*.py"))))
    assert len(found) > len(UPDATES)
    assert {update: waits for update, waits in found.items() if waits} == {}


def test_a_free_wait_is_seen() -> None:
    """In the update itself, or in a method that it names, also of its base."""
    source = """
class Workflow(Base):
    @operator_act(GIVE_UP, lambda self: None)
    def give_up(self, _):
        return self._leave_off

    async def _leave_off(self):
        await self._rest()

    @workflow.update(name="look")
    async def look(self, *_):
        await self._history.until(lambda: self._done)
"""
    base = """
class Base:
    async def _rest(self):
        await workflow.wait_condition(lambda: self._done)
"""
    assert waiting(source, base) == {"Workflow.give_up": ["_rest"], "Workflow.look": []}
