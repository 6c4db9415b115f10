"""One person is one person: spellings of an e-mail address that mean the same are one, others are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.stock.person import normal_email

ANN = "ann@example.org"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (ANN, ANN),
        ("  Ann@EXAMPLE.org ", ANN),
        ("ann@example.org.", ANN),
        ("jose\N{COMBINING ACUTE ACCENT}@example.org", "jos\N{LATIN SMALL LETTER E WITH ACUTE}@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("stra\N{LATIN SMALL LETTER SHARP S}e@example.org", "strasse@example.org"),
        ("ann@b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example", "ann@xn--bcher-kva.example"),
        ("ann@BU\N{COMBINING DIAERESIS}CHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@example\N{IDEOGRAPHIC FULL STOP}org", ANN),
        ('"a@b"@example.org', '"a@b"@example.org'),
    ],
)
def test_spellings_of_one_address_are_one(text: str, normal: str) -> None:
    """White space around it, case, Unicode's forms, and the two forms of a domain make no difference."""
    assert normal_email(text, strips_tag=False) == normal


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("ann+one@example.org", ANN),
        ("ann+one+two@example.org", ANN),
        ("ann+@example.org", ANN),
        ("+one@example.org", "+one@example.org"),
    ],
)
def test_a_tag_after_a_plus_is_the_same_buyer_where_the_setting_says_so(text: str, stripped: str) -> None:
    """Otherwise it is another buyer."""
    assert normal_email(text, strips_tag=True) == stripped
    assert normal_email(text, strips_tag=False) == text


@pytest.mark.parametrize(
    "text",
    [
        "a\N{ZERO WIDTH SPACE}nn@example.org",
        "ann@exam\N{ZERO WIDTH JOINER}ple.org",
        "ann\N{SOFT HYPHEN}@example.org",
        "ann\N{VARIATION SELECTOR-16}@example.org",
        "ann\N{HANGUL FILLER}@example.org",
        "ann\N{RIGHT-TO-LEFT OVERRIDE}@example.org",
        "an\tn@example.org",
        "an n@example.org",
        "ann\x00@example.org",
    ],
)
def test_what_cannot_be_seen_is_refused(text: str) -> None:
    """It would make two addresses of one."""
    with pytest.raises(ValueError, match="zero-width"):
        normal_email(text, strips_tag=False)


@pytest.mark.parametrize("text", ["ann", "@example.org", "ann@", "ann@a..b", "ann@-a.org", "ann@[127.0.0.1]", "   "])
def test_what_is_no_address_is_refused(text: str) -> None:
    """It has a name, an @ and a domain name."""
    with pytest.raises(ValueError, match="e-mail address"):
        normal_email(text, strips_tag=False)


@pytest.mark.slow
@given(st.emails(), st.booleans())
def test_the_normal_form_is_its_own(text: str, strips_tag: bool) -> None:  # noqa: FBT001 - drawn
    """Once in its normal form it stays."""
    normal = normal_email(text, strips_tag=strips_tag)
    assert normal_email(normal, strips_tag=strips_tag) == normal
    assert normal_email(text.upper(), strips_tag=strips_tag) == normal_email(text.lower(), strips_tag=strips_tag)
