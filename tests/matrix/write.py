"""`python -m tests.matrix.write results.json [--add]`: write `docs/fault-matrix.md` from the results of a run.

`--add` keeps the page's cells that did not run: after a new scene, its cells alone have to.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from tests.matrix.cells import CHAIN_FAULTS, FAULTS, STEP_FAULTS, STORE_FAULTS, WEBHOOK_FAULTS, Cell, cells, registered
from tests.matrix.every_scene import SCENES
from tests.matrix.scenes import Scene

DOC = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
HEAD = """# Fault matrix

Written by `make matrix` from its run; do not edit. Each row is an activity in a scene, one path of a workflow; each
column is a fault at its first try. A cell has its end and the place of its run: **F** on fakes (the real
workflows and activities on Temporal's time-skipping server), **R** on the real stack (`kill -9` of the worker process,
the switches of the Stripe emulator and the dev chain).
A green cell means: the fault came, the end is the right one, the invariants hold at rest, and an operator was
called if and only if one was needed. **red** is any other cell, also one that did not run. The list is made from the
registered activities (`tests/matrix/cells.py`): an activity that no scene reaches is red.

`=` is the end of the scene without a fault, named at its head. Before a scene parts from `sale`, and after it meets it
again, its activities have their cells there. The faults of the event store at an activity are in the first scene that
reaches it.
"""
Found = dict[Cell, dict[str, str]]
TABLES = (STEP_FAULTS, STORE_FAULTS, CHAIN_FAULTS, WEBHOOK_FAULTS)
PLACES = ("F", "R")


def found_in(results: list[list[str]]) -> Found:
    """Return the end of each cell, by place of the run."""
    found: Found = defaultdict(dict)
    for scene, name, fault, where, end in results:
        found[Cell(scene, name, fault)][where] = end
    return found


def found_on(page: str) -> Found:
    """Read the cells of a page back; of several ends in one cell, it knows no places."""
    found: Found = defaultdict(dict)
    faults = {title: fault for columns in TABLES for fault, title in columns.items()}
    ends = {scene.name: scene.ends for scene in SCENES}
    scene, columns = "", list[str]()
    for line in page.splitlines():
        if line.startswith("## "):
            scene = line.partition(": ")[2].removesuffix(")").partition(" (")[0]
        elif line.startswith("| | "):
            columns = [faults.get(title, "") for title in _cells_of(line)]
        elif line.startswith("| `") and scene in ends:
            name = line.split("`")[1]
            for fault, text in zip(columns[1:], _cells_of(line)[1:], strict=True):
                *words, _ = text.split(" ")
                places = [place for place in text.split(" ") if place in PLACES]
                end = " ".join(word for word in words if word not in PLACES)
                for place in places:
                    found[Cell(scene, name, fault)][place] = ends[scene] if end == "=" else end
    return found


def _cells_of(line: str) -> list[str]:
    return [text.strip() for text in line.split("|")[1:-1]]


def text_of(cell: Cell, usual: str, found: Found, notes: list[str]) -> str:
    """Return a cell's text in the table."""
    if cell.impossible is not None:
        if cell.impossible not in notes:
            notes.append(cell.impossible)
        return f"- [{notes.index(cell.impossible) + 1}]"
    ends = found.get(cell)
    if not ends:
        return "**red**"
    end = " / ".join(sorted(set(ends.values())))
    return f"{'=' if end == usual else end} {' '.join(sorted(ends))}"


def table(scene: Scene, columns: dict[str, str], all_cells: list[Cell], found: Found, notes: list[str]) -> list[str]:
    """Return one table of a scene; no rows if none of its cells has these columns."""
    here = {(cell.activity, cell.fault): cell for cell in all_cells if cell.scene == scene.name}
    names = list(dict.fromkeys(name for name, fault in here if fault in columns))
    if not names:
        return []
    lines = ["", "| | " + " | ".join(columns.values()) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        texts = [text_of(here[name, fault], scene.ends, found, notes) for fault in columns]
        lines.append(f"| `{name}` | " + " | ".join(texts) + " |")
    return lines


def document(found: Found) -> str:
    """Return the whole page."""
    all_cells = cells([scene.row for scene in SCENES], registered())
    judged = [cell for cell in all_cells if cell.impossible is None]
    red = [cell for cell in judged if cell not in found]
    real = sum("R" in found.get(cell, {}) for cell in judged)
    fakes = sum("F" in found.get(cell, {}) for cell in judged)
    lines = [HEAD, f"{len(judged)} cells judged, {len(red)} red; {fakes} ran on fakes, {real} on the real stack;"]
    lines += [f"{len(all_cells) - len(judged)} are impossible and do not count.", ""]
    notes: list[str] = []
    for scene in SCENES:
        lines += [f"## {scene.workflow.__name__}: {scene.name} ({scene.ends})"]
        for columns in TABLES:
            lines += table(scene, columns, all_cells, found, notes)
        lines.append("")
    lines += [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page; exit with 1 if a cell is red."""
    found = found_in(json.loads(Path(sys.argv[1]).read_text()))
    unknown = {cell.fault for cell in found} - set(FAULTS)
    assert not unknown, unknown
    if "--add" in sys.argv[2:]:
        for cell, places in found_on(DOC.read_text()).items():
            found[cell] = {**places, **found[cell]}
    DOC.write_text(document(found))
    red = DOC.read_text().count("**red** |")
    print(f"{DOC.name}: {red} red cells")  # noqa: T201 - a command prints
    sys.exit(1 if red else 0)


if __name__ == "__main__":
    main()
