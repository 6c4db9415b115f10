"""The side tables that the activities know, as plain attributes."""


class InMemory:
    """Checkouts and wallets."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.wallets: dict[str, str] = {}

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        self.secrets[purchase_id] = client_secret

    async def forget(self, purchase_id: str) -> None:
        self.secrets.pop(purchase_id, None)

    async def wallet_of(self, buyer_id: str) -> str | None:
        return self.wallets.get(buyer_id)
