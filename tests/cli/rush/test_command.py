"""A rush is judged by the buyers' answers, the stock and the invariants."""

from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from cli.checks.reconciliation import Report
from cli.rush.chart import COLOURS, draw
from cli.rush.command import as_production, faults
from cli.rush.rehearsal import HELD, NONE, SOLD_OUT, Answer, Tally, percentiles
from domain.invariants.cross_system import Quiescence
from domain.invariants.invariant import INVARIANTS, Findings
from settings.groups import WorkerSettings

STOCK = {"sold": 2, "held": 0, "available": 0}
BOUGHT = ["pu_1", "pu_2"]


def tally(*kinds: str, fulfilled: int = 2) -> Tally:
    made = Tally(buyers=3, seats=2, purchase_ids=BOUGHT, ends=Counter(fulfilled=fulfilled))
    made.answers = [Answer(kind, 1.0, 0.5) for kind in kinds]
    return made


def report(judged: Any = BOUGHT) -> Report:
    stillness = Quiescence(judged=frozenset(judged), open=frozenset(), moving=frozenset(), at_work=frozenset())
    return Report(Findings(), stillness, 0, 0, 0, 0, 0, 0)


def test_a_whole_rush_has_no_fault() -> None:
    """Two of three buyers get a seat, the third is refused as sold out."""
    assert faults(tally(HELD, HELD, SOLD_OUT), STOCK, report()) == []


@pytest.mark.parametrize(
    ("seen", "stock", "judged", "fault"),
    [
        (tally(HELD, SOLD_OUT, SOLD_OUT), STOCK, BOUGHT, "buyers who got a seat: 1, expected 2"),
        (tally(HELD, HELD, NONE), STOCK, BOUGHT, "buyers without an answer: 1, expected 0"),
        (tally(HELD, HELD, SOLD_OUT, fulfilled=1), STOCK, BOUGHT, "fulfilled purchases: 1, expected 2"),
        (tally(HELD, HELD, SOLD_OUT), {**STOCK, "sold": 3}, BOUGHT, "seats sold beyond the capacity: 1, expected 0"),
        (tally(HELD, HELD, SOLD_OUT), {**STOCK, "held": 1}, BOUGHT, "seats still held: 1, expected 0"),
        (tally(HELD, HELD, SOLD_OUT), STOCK, ["pu_1"], "purchases not at rest: 1, expected 0"),
    ],
)
def test_each_fault_is_reported(seen: Tally, stock: dict[str, int], judged: list[str], fault: str) -> None:
    """The report names each fault with its figures."""
    assert fault in faults(seen, stock, report(judged))


def test_a_broken_invariant_is_a_fault() -> None:
    """The invariants of `boxoffice reconcile` are judged too."""
    broken = report()
    broken.findings.judge(INVARIANTS[0], "sh_1", "one seat too many")
    assert faults(tally(HELD, HELD, SOLD_OUT), STOCK, broken) == [
        "broken invariants: 1, expected 0",
        f"{INVARIANTS[0].name}: sh_1: one seat too many",
    ]


def test_the_picture_shows_each_kind(tmp_path: Path) -> None:
    """There is a bar in the colour of each kind of answer given, and of no other."""
    file = tmp_path / "rush.png"
    answers = [Answer(HELD, 0.5 + number / 50, 0.1) for number in range(50)] + [Answer(SOLD_OUT, 2.0, 0.2)] * 20
    draw(answers, "a rush", file)
    with Image.open(file) as image:
        found = image.convert("RGB").crop((0, 80, 1_000, 400)).getcolors(maxcolors=1_000_000)
    assert found is not None
    colours = {"#{:02x}{:02x}{:02x}".format(*cast("tuple[int, int, int]", colour)) for _, colour in found}
    assert {COLOURS[HELD], COLOURS[SOLD_OUT]} <= colours
    assert COLOURS[NONE] not in colours


def test_percentiles_are_of_the_measured_values() -> None:
    """A single value is both; of 101 values they are the 51st and the 100th."""
    assert percentiles([3.0]) == (3.0, 3.0)
    assert percentiles([float(number) for number in range(101)]) == (50.0, 99.0)


def test_the_stack_of_a_rush_runs_workflow_code_as_production_does() -> None:
    """Its figures are production's; a given setting stays."""
    name = "BOXOFFICE_WORKER__SANDBOX"
    assert as_production({}) == {name: WorkerSettings().sandbox} == {name: "none"}
    assert as_production({name: "restricted"}) == {name: "restricted"}
