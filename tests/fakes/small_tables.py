"""The side tables of the API in memory: buyers, client secrets and the inbox of webhooks."""

from domain.payments.webhook_event import WebhookEvent


class MemoryBuyers:
    """Buyers by id."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str | None, ...]] = {}

    async def keep(
        self, buyer_id: str, tenant_id: str, name: str | None, email: str | None, wallet: str | None
    ) -> None:
        self.kept.setdefault(buyer_id, (name, email, wallet))

    async def forget(self, buyer_id: str) -> None:
        self.kept.pop(buyer_id, None)


class MemorySecrets:
    """Client secrets by purchase."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, purchase_id: str) -> str | None:
        return self.kept.get(purchase_id)


class MemoryInbox:
    """Webhooks by event."""

    def __init__(self) -> None:
        self.kept: dict[str, WebhookEvent] = {}
        self.marked: set[str] = set()

    async def store(self, webhook: WebhookEvent) -> bool:
        fresh = webhook.event_id not in self.kept
        self.kept.setdefault(webhook.event_id, webhook)
        return fresh

    async def mark(self, event_id: str) -> None:
        self.marked.add(event_id)
