"""Find the tests of every activity, workflow and route, by what their source names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cli.checks.audit.model import Route

WORD = re.compile(r"\w+")
CONSTANT = re.compile(r'^([A-Z_]+) = f?"(/[^"\s]*)"', re.MULTILINE)
PATH = re.compile(r'"((?:/|\{)[^"\s]*)"')
VARIABLE = re.compile(r"\{[^}]*\}")
LITERALS_MIN = 2  # a path with fewer fixed parts could be any


def tests_of(folder: Path, names: Iterable[str], routes: Iterable[Route]) -> Mapping[str, tuple[str, ...]]:
    """Return the test files that name an activity or workflow, or write the path of a route."""
    texts = {str(file.relative_to(folder.parent)): file.read_text() for file in sorted(folder.rglob("*.py"))}
    constants = {name: value for text in texts.values() for name, value in CONSTANT.findall(text)}
    asked = {VARIABLE.sub("x", route.path): route.path for route in routes}
    found: dict[str, list[str]] = {name: [] for name in names}
    by_path: dict[str, list[str]] = {route.path: [] for route in routes}
    for label, text in texts.items():
        for name in set(WORD.findall(text)) & found.keys():
            found[name].append(label)
        patterns = [re.compile(pattern) for pattern in set(_patterns(text, constants))]
        for path, declared in asked.items():
            if any(pattern.fullmatch(path) for pattern in patterns):
                by_path[declared].append(label)
    found |= {route.name: by_path[route.path] for route in routes}
    return {name: tuple(files) for name, files in found.items()}


def _patterns(text: str, constants: Mapping[str, str]) -> Iterator[str]:
    """Yield the paths that a test writes, as patterns: constants are filled in, anything else may be any one part."""
    for written in PATH.findall(text):
        path = re.sub(r"\{([A-Z_]+)\}", lambda name: constants.get(name[1], name[0]), written).partition("?")[0]
        start, rest = ("", path) if path.startswith("/") else (".*", path.partition("}")[2])
        parts = rest.split("/")
        fixed = [part for part in parts if part and not VARIABLE.search(part)]
        if path != "/" and (parts[-1:] != fixed[-1:] or not fixed) and len(fixed) < LITERALS_MIN:
            continue
        yield start + "/".join("[^/]+" if VARIABLE.search(part) else re.escape(part) for part in parts)
