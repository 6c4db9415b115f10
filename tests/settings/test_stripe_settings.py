"""Settings of payments that Stripe would refuse are refused at the start."""

import pytest

from settings.values import check_country, check_statement_suffix


@pytest.mark.parametrize("text", ["", "NIGHT", "SHOW 12"])
def test_a_suffix_that_stripe_takes(text: str) -> None:
    """Empty is none."""
    assert check_statement_suffix(text) == text


@pytest.mark.parametrize("text", ["12345", "ELEVEN CHARS", "A<B", "A>B", "A\\B", "A'B", 'A"B', "A*B", "N\u00c4CHT"])
def test_a_suffix_that_stripe_refuses(text: str) -> None:
    """Without a letter, too long with the prefix, or with a character that no statement carries."""
    with pytest.raises(ValueError, match="must be"):
        check_statement_suffix(text)


@pytest.mark.parametrize("text", ["de", "DEU", "1"])
def test_a_country_has_two_capital_letters(text: str) -> None:
    """As ISO 3166 has it."""
    assert check_country("DE") == "DE"
    with pytest.raises(ValueError, match="ISO 3166"):
        check_country(text)
