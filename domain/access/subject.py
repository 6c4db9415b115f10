"""Subjects: who calls, and what it may do."""

from typing import Literal, NamedTuple, get_args

from domain.core.actor import Actor
from domain.core.ids import DEFAULT_TENANT

Scope = Literal["purchase", "manage", "refund", "door", "operate", "internal"]
SubjectKind = Literal["anonymous", "secret", "publishable", "development", "internal-token", "buyer"]
ALL_SCOPES: frozenset[Scope] = frozenset(get_args(Scope))


class Subject(NamedTuple):
    """A caller: a key of a tenant (of one venue, with a `venue_id`), the buyer of one purchase, or nobody known.

    A buyer has no tenant of its own: its token is the proof for that purchase, and for nothing else.
    """

    kind: SubjectKind
    subject_id: str
    tenant_id: str = DEFAULT_TENANT
    venue_id: str = ""
    scopes: frozenset[Scope] = frozenset()

    @property
    def name(self) -> str:
        """The name in events, the audit and the access log."""
        return f"{self.tenant_id}/{self.subject_id}" if self.tenant_id else self.subject_id

    @property
    def actor(self) -> Actor | None:
        """On whose behalf decisions are made; None for nobody known, whose requests change nothing."""
        return None if self.kind == "anonymous" else Actor(self.name, self.tenant_id, self.venue_id)

    def may(self, *scopes: Scope) -> bool:
        """Return whether the subject has one of these scopes."""
        return not self.scopes.isdisjoint(scopes)


ANONYMOUS = Subject("anonymous", "anonymous", tenant_id="")


def buyer_of(purchase_id: str) -> Subject:
    """Return the buyer of a purchase."""
    return Subject("buyer", f"buyer/{purchase_id}", tenant_id="")
