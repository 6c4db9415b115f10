"""Personal data: the spellings by which one person is recognised."""

import pytest

from domain.orders.personal_data import PersonalData


@pytest.mark.parametrize(
    ("given", "spellings"),
    [
        (PersonalData("Ada"), ()),
        (PersonalData(email="Ada+Show@Example.org", wallet="w1"), ("ada@example.org", "w1")),
        (PersonalData(email=" No Address "), ("no address",)),  # as release 0.1.0 took it
    ],
)
def test_a_person_is_recognised_by_address_and_wallet(given: PersonalData, spellings: tuple[str, ...]) -> None:
    """A name recognises nobody; what is no address is compared as it is."""
    assert given.persons(strips_tag=True) == spellings
