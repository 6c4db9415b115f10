"""Personal data of a buyer, as it is kept outside the events."""

import unicodedata
from datetime import datetime
from typing import NamedTuple

from domain.stock.person import normal_email

NAME_WORDS_MAX = 20


class PersonalData(NamedTuple):
    """A buyer's name, e-mail address and wallet; each may be missing."""

    name: str | None = None
    email: str | None = None
    wallet: str | None = None

    def persons(self, *, strips_tag: bool) -> tuple[str, ...]:
        """Return the spellings by which one person is recognised: of the e-mail address, and of the wallet."""
        email = () if self.email is None else (_one_spelling(self.email, strips_tag=strips_tag),)
        return email if self.wallet is None else (*email, self.wallet)


class KeptBuyer(NamedTuple):
    """A stored buyer, and the purchase that named this buyer; None in rows of release 0.1.0 before their rotation."""

    buyer_id: str
    tenant_id: str
    purchase_id: str | None
    kept_at: datetime
    personal: PersonalData


def _one_spelling(email: str, *, strips_tag: bool) -> str:
    """Return the one spelling of an e-mail address; release 0.1.0 took some that are none."""
    try:
        return normal_email(email, strips_tag=strips_tag)
    except ValueError:
        return email.strip().casefold()


def words_of(name: str) -> list[str]:
    """Return the words of a name, in the one spelling that is searched: no case, no accents, each once."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char))
    return list(dict.fromkeys(letters.split()))[:NAME_WORDS_MAX]
