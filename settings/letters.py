"""The settings of letters to buyers."""

from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from settings.groups import UNSET, Group
from settings.values import HostPort


def check_sender(text: str) -> str:
    """Check who letters are from: `address` or `Name <address>`; empty is not set."""
    if text:
        name, address = parseaddr(text)
        try:
            made = Address(name, addr_spec=address)
        except (ValueError, IndexError):
            raise ValueError("must be an e-mail address, or a name and an address in angle brackets") from None
        if not made.username or not made.domain:
            raise ValueError("must be an e-mail address, or a name and an address in angle brackets")
    return text


class LetterSettings(Group):
    """Letters to buyers, and the mail server that takes them."""

    address: HostPort | None = Field(None, description="host:port of the mail server; empty sends no letters")
    security: Literal["tls", "starttls", "none"] = Field(
        "starttls", description="how the connection to the mail server is secured: tls from the start, starttls, none"
    )
    user: str = Field("", description="user at the mail server; empty does not sign in")
    password: SecretStr = Field(UNSET, description="password at the mail server")
    sender: Annotated[str, AfterValidator(check_sender)] = Field(
        "", description="who letters are from, such as Boxoffice <tickets@example.org>"
    )
