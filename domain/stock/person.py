"""One person is one person: the names under which a buyer's tickets are counted, however they are spelt."""

import re
import unicodedata

import idna

INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}  # Unicode categories: controls, zero widths, spaces
# Letters and marks that Unicode tells programs to ignore, so two spellings with and without them look the same.
IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def normal_email(text: str, *, strips_tag: bool) -> str:
    """Return an e-mail address in the one spelling that is counted; raise ValueError for one that cannot be.

    Unicode in NFC, case folded, the domain as IDNA has it; `strips_tag` removes the part after a plus.
    """
    address = _folded(text.strip())
    if IGNORABLE.search(address) or any(unicodedata.category(char) in INVISIBLE for char in address):
        raise ValueError("an e-mail address has no spaces, control or zero-width characters")
    local, at, domain = address.rpartition("@")
    if strips_tag:
        local = local.partition("+")[0] or local
    if not at or not local:
        raise ValueError("an e-mail address has a name, an @ and a domain")
    try:
        return f"{local}@{idna.encode(domain.rstrip('.'), uts46=True).decode()}"
    except idna.IDNAError:
        raise ValueError("the domain of the e-mail address is not a domain name") from None


def _folded(text: str) -> str:
    """Fold the case; folding may take a text out of its normal form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
