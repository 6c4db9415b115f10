"""Personal data of a buyer, as it is kept outside the events."""

from datetime import datetime
from typing import NamedTuple


class PersonalData(NamedTuple):
    """A buyer's name, e-mail address and wallet; each may be missing."""

    name: str | None = None
    email: str | None = None
    wallet: str | None = None

    @property
    def person(self) -> str:
        """The spelling by which one person is recognised: the e-mail address, or the wallet; empty without both."""
        return one_spelling(self.email) if self.email is not None else self.wallet or ""


class KeptBuyer(NamedTuple):
    """A stored buyer, and the purchase that named this buyer; None in rows of release 0.1.0 before their rotation."""

    buyer_id: str
    tenant_id: str
    purchase_id: str | None
    kept_at: datetime
    personal: PersonalData


def one_spelling(email: str) -> str:
    """Return the one spelling of an e-mail address."""
    return email.strip().casefold()
