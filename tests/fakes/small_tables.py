"""Tables beside the events, in memory: buyers, client secrets and the webhook inbox."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from domain.core.errors import WrongState
from domain.orders.personal_data import KeptBuyer, PersonalData, words_of
from domain.payments.webhook_event import WebhookEvent

KEPT_AT = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryBuyers:
    """Buyers by id, and the allowance ids of persons by tenant and spelling."""

    def __init__(self, has_ended: Callable[[str], bool] = lambda _: False, *, strips_tag: bool = True) -> None:
        self._strips_tag = strips_tag
        self.kept: dict[str, KeptBuyer] = {}
        self.holders: set[str] = set()
        self.allowances: dict[tuple[str, str], str] = {}
        self._has_ended = has_ended

    async def keep(
        self, buyer_id: str, tenant_id: str, purchase_id: str, personal: PersonalData, allowance_ids: Sequence[str]
    ) -> tuple[str, ...]:
        buyer = self.kept.setdefault(buyer_id, KeptBuyer(buyer_id, tenant_id, purchase_id, KEPT_AT, personal))
        persons = zip(self._persons(buyer._replace(personal=personal)), allowance_ids, strict=False)
        return tuple(self.allowances.setdefault(person, allowance_id) for person, allowance_id in persons)

    async def keep_holder(self, holder_id: str, tenant_id: str, purchase_id: str, ticket_id: str, wallet: str) -> None:
        holder = KeptBuyer(holder_id, tenant_id, purchase_id, KEPT_AT, PersonalData(wallet=wallet))
        self.kept.setdefault(holder_id, holder)
        self.holders.add(holder_id)

    async def forget(self, buyer_id: str) -> None:
        self.kept.pop(buyer_id, None)

    async def wallet_of(self, buyer_id: str) -> str | None:
        return self.kept[buyer_id].personal.wallet if buyer_id in self.kept else None

    async def read(self, buyer_id: str) -> KeptBuyer | None:
        return self.kept.get(buyer_id)

    async def email_of(self, buyer_id: str) -> str | None:
        return self.kept[buyer_id].personal.email if buyer_id in self.kept else None

    async def of_purchase(self, purchase_id: str) -> list[KeptBuyer]:
        return [buyer for buyer in self.kept.values() if buyer.purchase_id == purchase_id]

    async def of_person(self, tenant_id: str, personal: PersonalData) -> list[KeptBuyer]:
        wanted = {(tenant_id, person) for person in personal.persons(strips_tag=self._strips_tag)}
        found = [buyer for buyer in self.kept.values() if wanted.intersection(self._persons(buyer))]
        purchases = {buyer.purchase_id for buyer in found}
        holders = [self.kept[name] for name in self.holders & self.kept.keys()]
        return [*found, *(one for one in holders if one.purchase_id in purchases and one not in found)]

    async def purchases_of(self, tenant_id: str, *, email: str | None, name: str | None, limit: int) -> list[str]:
        wanted = PersonalData(email=email).persons(strips_tag=self._strips_tag)
        found = {
            buyer.purchase_id
            for buyer in self.kept.values()
            if buyer.tenant_id == tenant_id
            and (
                bool(set(words_of(name)) and set(words_of(name)) <= set(words_of(buyer.personal.name or "")))
                if name is not None
                else buyer.personal.email is not None
                and buyer.personal._replace(wallet=None).persons(strips_tag=self._strips_tag) == wanted
            )
        }
        return sorted(purchase_id for purchase_id in found if purchase_id is not None)[:limit]

    async def correct(self, buyer: KeptBuyer, personal: PersonalData) -> None:
        before = self._persons(buyer._replace(personal=buyer.personal._replace(wallet=None)))
        after = self._persons(buyer._replace(personal=personal._replace(wallet=None)))
        if before and after and before[0] in self.allowances:
            self.allowances.setdefault(after[0], self.allowances[before[0]])
        self.kept[buyer.buyer_id] = buyer._replace(personal=personal)
        named = {person for one in self.kept.values() for person in self._persons(one)}
        self.allowances = {person: kept for person, kept in self.allowances.items() if person in named}

    async def erase(self, buyer_ids: Sequence[str]) -> int:
        found = [self.kept[buyer_id] for buyer_id in buyer_ids if buyer_id in self.kept]
        for buyer in found:
            if not self._has_ended(buyer.purchase_id or ""):
                raise WrongState(f"purchase {buyer.purchase_id} is not known to have ended")
        for buyer in found:
            del self.kept[buyer.buyer_id]
        named = {person for buyer in self.kept.values() for person in self._persons(buyer)}
        self.allowances = {person: kept for person, kept in self.allowances.items() if person in named}
        return len(found)

    def _persons(self, buyer: KeptBuyer) -> list[tuple[str, str]]:
        return [(buyer.tenant_id, person) for person in buyer.personal.persons(strips_tag=self._strips_tag)]


class MemoryCheckouts:
    """Client secrets by purchase."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        self.kept[purchase_id] = client_secret

    async def get(self, purchase_id: str) -> str | None:
        return self.kept.get(purchase_id)

    async def forget(self, purchase_id: str) -> None:
        self.kept.pop(purchase_id, None)


class MemoryInbox:
    """Webhook events by id."""

    def __init__(self) -> None:
        self.kept: dict[str, WebhookEvent] = {}
        self.marked: set[str] = set()

    async def store(self, webhook: WebhookEvent) -> bool:
        fresh = webhook.event_id not in self.kept
        self.kept.setdefault(webhook.event_id, webhook)
        return fresh

    async def unsignalled(self, limit: int) -> list[WebhookEvent]:
        return [webhook for event_id, webhook in self.kept.items() if event_id not in self.marked][:limit]

    async def mark(self, event_id: str) -> None:
        self.marked.add(event_id)


class MemoryKeyUses:
    """The last use of each API key."""

    def __init__(self) -> None:
        self.used: dict[str, datetime] = {}

    async def note(self, key_id: str) -> None:
        self.used[key_id] = datetime.now(UTC)

    async def all(self) -> dict[str, datetime]:
        return dict(self.used)
