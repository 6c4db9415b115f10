"""Tables beside the events, in memory: buyers, client secrets and the webhook inbox."""

from datetime import UTC, datetime

from domain.payments.webhook_event import WebhookEvent


class MemoryBuyers:
    """Buyers by id: (name, email, wallet)."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str | None, str | None, str | None]] = {}

    async def keep(
        self, buyer_id: str, tenant_id: str, name: str | None, email: str | None, wallet: str | None
    ) -> None:
        self.kept.setdefault(buyer_id, (name, email, wallet))

    async def forget(self, buyer_id: str) -> None:
        self.kept.pop(buyer_id, None)

    async def wallet_of(self, buyer_id: str) -> str | None:
        return self.kept.get(buyer_id, (None, None, None))[2]


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
