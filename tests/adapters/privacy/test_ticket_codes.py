"""Codes of tickets: made and read by the keys of this deployment alone, and drawn so that a scanner reads them."""

import base64
from xml.etree import ElementTree as ET

import pytest

from adapters.privacy.ticket_codes import SealedCodes
from domain.tickets.admission import PresentedCode

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
TICKET = "ti_aaaaaaaaaaaaaaaaaaaaaaaaaa"


def test_a_code_is_read_by_who_made_it_and_tells_nothing() -> None:
    """The same ticket and generation give the same code; neither the id nor a part of it can be seen in it."""
    codes = SealedCodes({"k1": OLD}, "here")
    found = [codes.make(TICKET, generation) for generation in (0, 1, 65_535)]
    assert [codes.read(code) for code in found] == [PresentedCode(TICKET, one) for one in (0, 1, 65_535)]
    assert codes.make(TICKET, 0) == found[0]
    assert len(set(found)) == 3
    letters = found[0].rpartition(".")[2]
    opened = base64.b32decode(letters + "=" * (-len(letters) % 8))
    assert TICKET.encode() not in opened
    assert len(found[0]) < 100


def test_keys_rotate() -> None:
    """The first key makes; codes of the others are read until their key is taken off the list."""
    before = SealedCodes({"k1": OLD}, "here").make(TICKET, 0)
    both = SealedCodes({"k2": NEW, "k1": OLD}, "here")
    assert both.read(before) == both.read(both.make(TICKET, 0)) == PresentedCode(TICKET, 0)
    assert both.make(TICKET, 0).split(".")[1] == "k2"
    assert SealedCodes({"k2": NEW}, "here").read(before) is None


def test_a_code_of_somebody_else_is_nobodys() -> None:
    """Another deployment, another key under the same id, a changed letter, another key id, and any other text."""
    code = SealedCodes({"k1": OLD, "k2": OLD}, "here").make(TICKET, 0)
    here = SealedCodes({"k1": OLD, "k2": OLD}, "here")
    head, letters = code.rpartition(".")[0], code.rpartition(".")[2]
    changed = [f"{head}.{letters[:at]}{'A' if letters[at] != 'A' else 'B'}{letters[at + 1 :]}" for at in range(70)]
    others = [code.replace("k1", "k2"), code.replace("BX1", "BX2"), "", "BX1", "BX1.k1.", "BX1.k1.!", TICKET, code[:-8]]
    assert {here.read(text) for text in (*changed, *others)} == {None}
    assert SealedCodes({"k1": OLD}, "there").read(code) is None
    assert SealedCodes({"k1": NEW}, "here").read(code) is None
    with pytest.raises(ValueError, match="need a key"):
        SealedCodes({}, "here")


def test_a_code_is_drawn_dense_with_its_border() -> None:
    """The capitals and digits take the alphanumeric mode of a QR code, so that its modules stay large on a screen."""
    codes = SealedCodes({"K1": OLD}, "here")
    code = codes.make(TICKET, 0)
    svg, png = codes.draw(code, "svg"), codes.draw(code, "png")
    width = int(ET.fromstring(svg).attrib["width"])  # noqa: S314 - our own picture
    assert width == 8 * (33 + 2 * 4)  # version 4 has 33 modules
    assert png.startswith(b"\x89PNG")
    assert codes.draw(code, "png") == png
