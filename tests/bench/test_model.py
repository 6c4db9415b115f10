"""The model of a cluster predicts this machine's figures, and the page has what it computes."""

import pytest

from bench import model

FOUND = model.read()


@pytest.mark.parametrize("one", model.predictions(FOUND), ids=lambda one: one.row)
def test_this_machine_is_predicted_within_a_fifth(one: model.Prediction) -> None:
    """What a purchase takes, measured 32 at once, says what two full cores give at 64 at once."""
    assert 0.8 <= one.predicted / one.measured <= 1.2


def test_a_purchase_that_costs_twice_as_much_halves_the_prediction() -> None:
    """The prediction follows the processor time, so that a wrong one would be seen."""
    dearer = FOUND._replace(cpu_ms={name: 2 * ms for name, ms in FOUND.cpu_ms.items()})
    pairs = zip(model.predictions(FOUND), model.predictions(dearer), strict=True)
    assert all(dear.predicted == pytest.approx(cheap.predicted / 2) for cheap, dear in pairs)


def test_what_gives_out_first_stands_first() -> None:
    """A faster projector gives out later; whatever gives out below a rate is named beyond its limit there."""
    names = [one.name for one in model.singles(FOUND)]
    faster = model.singles(FOUND._replace(rows={**FOUND.rows, "projector": 1e9}))
    assert next(name for name in names if "projector" in name) != faster[0].name
    assert "projector" in faster[-1].name
    rows = [line for line in model.markdown(FOUND).splitlines() if line.startswith("| 10,000 |")]
    assert all((one.name in rows[0]) == (one.purchases < 10_000) for one in model.singles(FOUND))


def test_the_page_has_the_model_of_the_stored_results() -> None:
    """`python -m bench.model` writes it, after every measurement."""
    page = model.PAGE.read_text()
    assert page.partition(model.BEGIN)[2].partition(model.END)[0].strip() == model.markdown(FOUND).strip()
