"""An import-linter contract that lists the allowed imports of a room and refuses all others.

A room is a package without the packages below it (each has a contract of its own), or one module. An entry of
`may_import` allows a module, or a package with everything below it. `standard_library` lists the allowed modules of
Python itself; without it all are allowed.
"""

import sys
from functools import cache

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Import = tuple[str, str]


class AllowContract(Contract):
    """Refuses each import of a room that is not on its list."""

    room = fields.StringField()
    apart = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    may_import = fields.ListField(subfield=fields.StringField())
    standard_library = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - the library's signature
        """Find the imports that are not allowed, and the entries without an import."""
        found = {(module, imported) for module in self.modules(graph) for imported in _imports_of(graph, module)}
        used = {imported for _, imported in found}
        own = self.modules(graph)
        unlisted = {imported for imported in used - own if not self._lists(imported)}
        refused = sorted(pair for pair in found if pair[1] in unlisted)
        entries: list[str] = self.may_import  # type: ignore[assignment]
        idle = sorted({*entries} - {place for imported in used for place in _places(imported)})
        return ContractCheck(kept=not refused and not idle, metadata={"refused": refused, "idle": idle})

    def modules(self, graph: ImportGraph) -> set[str]:
        """Return the modules of the room."""
        room: str = self.room  # type: ignore[assignment]
        below = {room, *graph.find_children(room)} - set(self.apart)  # type: ignore[call-overload]
        return {module for module in below if module == room or not graph.find_children(module)}

    def allows(self, graph: ImportGraph, imported: str) -> bool:
        """Return whether the room may import a module."""
        return self._lists(imported) or imported in self.modules(graph)

    def _lists(self, imported: str) -> bool:
        places = _places(imported)
        if places[-1] in sys.stdlib_module_names:
            return self.standard_library is None or any(place in self.standard_library for place in places)  # type: ignore[operator]
        return any(place in self.may_import for place in places)  # type: ignore[operator]

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that is not allowed, and each entry without an import."""
        refused: list[Import] = check.metadata["refused"]
        for module, imported in refused:
            output.print_error(f"{module} imports {imported}, which {self.room} does not allow")
        for entry in check.metadata["idle"]:
            output.print_error(f"{self.room} allows {entry}, but does not import it: remove the entry")


def _imports_of(graph: ImportGraph, module: str) -> set[str]:
    return {str(imported) for imported in graph.find_modules_directly_imported_by(module)}


@cache
def _places(module: str) -> list[str]:
    """Return a module and the packages that it is in, up to its top."""
    return [module, *(_places(module.rpartition(".")[0]) if "." in module else ())]
