"""`boxoffice demo`: sell tickets on the whole real stack, as tokens and as leaves, and verify them; let one expire."""

import asyncio
import base64
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from cli.buyer import ApiClient, DemoFailedError, JsonObject, check, pay_by_card, read_mint
from cli.extras import require
from devstack.stack import Stack, StackFailedError, running_stack
from domain.money.currency import money
from domain.orders.state import ENDED
from domain.tickets.leaf import ROOT_KEY, Grounds, TreeRoot, leaf_of
from domain.tickets.merkle import root_by_path

PRICE_MINOR = 4_500
TICKETS = 3
CAPACITY = 50
SHARE = PRICE_MINOR * TICKETS
LEAVES = "demo-leaves"
SHORT_HOLD_SECONDS = 4
READY_SECONDS = 60.0
QUICK_ROOTS = {"BOXOFFICE_SOLANA__ROOTS_EVERY_SECONDS": "1"}
CID_OF_BYTES = bytes([1, 0x55, 0x12, 32])  # version 1, raw bytes, SHA-256 of 32 bytes
NEXT = {
    "http://127.0.0.1:8000": "the shop; the HTTP API under /docs",
    "http://127.0.0.1:8025": "the letters that buyers get",
    "http://127.0.0.1:8233": "Temporal's web UI: every purchase, step by step",
    "data/development.key": "the key of the API: Authorization: Bearer <key>",
}


class Screen:
    """Shows scenes, steps and tables, and collects the values of the JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self.document: dict[str, Any] = {}
        self._console = Console(quiet=as_json, soft_wrap=True)
        self._as_json = as_json

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._console.print(f"\n[b cyan]{title}[/]")

    def line(self, text: str) -> None:
        """Show a line of text."""
        self._console.print(f"  {text}", highlight=False)

    def step(self, text: str) -> None:
        """Show one completed step."""
        self._console.print(f"  [green]✓[/] {text}", highlight=False)

    def event(self, line: dict[str, Any]) -> None:
        """Show one line of a purchase's timeline."""
        self._console.print(f"  [dim]{line['at'][11:23]}[/] [green]✓[/] {line['text']}", highlight=False)

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        """Show a table."""
        if not self._console.is_terminal:
            self._console.print(f"  {title}:")
            for row in rows:
                self._console.print("    " + "  ".join(row), highlight=False)
            return
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def keep(self, **values: Any) -> None:
        """Add values to the JSON document."""
        self.document.update(values)

    def end(self) -> None:
        """Print the JSON document, with --json."""
        if self._as_json:
            print(json.dumps(self.document, indent=2), flush=True)


def demo(
    *, as_json: Annotated[bool, typer.Option("--json", help="print one JSON document at the end")] = False
) -> None:
    """Start the stack in a temporary directory, sell three tickets, verify them, and stop everything."""
    require("devstack", "demo")
    screen = Screen(as_json=as_json)
    started = time.monotonic()
    try:
        asyncio.run(_run(screen))
    except (DemoFailedError, StackFailedError, httpx.HTTPError) as failure:
        screen.keep(ok=False, reason=str(failure))
        screen.end()
        typer.echo(f"boxoffice demo: {type(failure).__name__}: {failure}", err=True)
        raise typer.Exit(1) from None
    screen.keep(ok=True, seconds=round(time.monotonic() - started, 1))
    screen.step(f"all verified in {time.monotonic() - started:.0f} s; all processes are stopped")
    screen.scene("Next: `make up` starts the same stack and keeps it running; then open")
    for what, told in NEXT.items():
        screen.line(f"{what:<28} {told}")
    screen.line(f"{f'{Path(sys.argv[0])} buy':<28} a purchase from the command line; pay it with `pay`")
    screen.end()


async def _run(screen: Screen) -> None:
    with tempfile.TemporaryDirectory(prefix="boxoffice-demo-") as folder:
        screen.scene("1. The stack: Temporal, PostgreSQL, Stripe emulator, Solana VM, API, worker, projector")
        async with running_stack(Path(folder), env=QUICK_ROOTS) as stack:
            for name, url in stack.urls.items():
                screen.step(f"{name:<12} {url}")
            async with httpx.AsyncClient(base_url=stack.urls["api"], headers=stack.key, timeout=30) as http:
                await _show(screen, stack, ApiClient(http))


async def _show(screen: Screen, stack: Stack, api: ApiClient) -> None:
    screen.scene("2. A venue and its shows, registered on chain before anything is sold")
    venue_id, show, closing = await _open_shows(screen, api)
    seat = show["ticket_types"][0]["ticket_type_id"]

    screen.scene(f"3. A buyer buys {TICKETS} tickets and pays with a test card")
    opened = await _pay(stack, api, show, "demo-purchase")
    _say_open(screen, opened)
    # The next scenes begin here: a root takes its time to be on chain, and a hold to run out.
    leaves, declined = await _pay(stack, api, closing, LEAVES), await _decline(stack, api, show["show_id"], seat)
    bought = await _followed(api, opened, screen.event)
    await _prove_tickets(screen, stack, api, bought)
    _prove_books(screen, venue_id, bought)

    screen.scene("4. Tickets of a show that mints on claim are leaves of a tree, whose root stands on chain")
    _say_open(screen, leaves)
    await _prove_leaf(screen, stack, api, closing, await _followed(api, leaves, lambda _: None))
    await _prove_balance(screen, api, venue_id)

    screen.scene("5. Another buyer's card was declined meanwhile, and the hold runs out")
    await _prove_release(screen, api, show["show_id"], declined)


async def _open_shows(screen: Screen, api: ApiClient) -> tuple[str, JsonObject, JsonObject]:
    """Open a venue and two shows, the second without a token for each ticket; return them once both are on sale."""
    venue = await api.post("/api/v1/venues", {"name": "The Blue Hall"}, "demo-venue")
    venue_id = venue["venue_id"]
    made = [
        await _announce(api, venue_id, "Opening Night", "demo-show"),
        await _announce(api, venue_id, "Closing Night", LEAVES, minting="on_claim"),
    ]
    path = f"/api/v1/venues/{venue_id}"
    venue = await api.until(path, "the venue's group on chain", lambda seen: bool(seen["mint_address"]), READY_SECONDS)
    screen.step(f"venue {venue_id} is the group {venue['mint_address']}")
    show, closing = [await api.on_sale(one["show_id"], READY_SECONDS) for one in made]
    screen.step(f"show {show['show_id']} is the group {show['mint_address']}, {CAPACITY} seats; it is on sale")
    screen.keep(venue=venue, show=show)
    return venue_id, show, closing


async def _announce(api: ApiClient, venue_id: str, name: str, key: str, **terms: str) -> JsonObject:
    seats = {"name": "Stalls", "price_minor": PRICE_MINOR, "capacity": CAPACITY}
    body = {"venue_id": venue_id, "name": name, "currency": "eur", "ticket_types": [seats], **terms}
    return await api.post("/api/v1/shows", body, key)


async def _pay(stack: Stack, api: ApiClient, show: JsonObject, key: str) -> JsonObject:
    """Hold tickets of a show's first type, and pay them; return what the buyer was told."""
    items = [{"ticket_type_id": show["ticket_types"][0]["ticket_type_id"], "quantity": TICKETS}]
    opened = await api.post("/api/v1/purchases", {"show_id": show["show_id"], "items": items}, key)
    status, intent = await pay_by_card(
        stack.urls["stripe"], opened["client_secret"], "pm_card_visa", stack.publishable_key
    )
    check(status == httpx.codes.OK, f"the test card was not accepted: {intent}")
    return opened


def _say_open(screen: Screen, opened: JsonObject) -> None:
    price = opened["price"]
    total, tickets = (money(price[name], price["currency"]) for name in ("total_minor", "subtotal_minor"))
    screen.step(f"checkout open: {total} = {tickets} + fees; pay until {opened['expires_at']}")


async def _followed(api: ApiClient, opened: JsonObject, see: Callable[[JsonObject], None]) -> JsonObject:
    """Follow a paid purchase until it is fulfilled."""
    bought = await api.purchase(opened["purchase_id"], see, ENDED, READY_SECONDS)
    check(bought["state"] == "fulfilled", f"the purchase ended as {bought['state']}: {bought['end_reason']}")
    check(len(bought["tickets"]) == TICKETS, f"the purchase has {len(bought['tickets'])} tickets, expected {TICKETS}")
    return bought


async def _prove_tickets(screen: Screen, stack: Stack, api: ApiClient, bought: JsonObject) -> None:
    rows = []
    for ticket in bought["tickets"]:
        account = await read_mint(stack.urls["solana_rpc"], ticket["mint_address"])
        verified = await api.get(f"/api/v1/tickets/{ticket['ticket_id']}/verify")
        check(verified["valid"], f"{ticket['ticket_id']} is not valid: {verified}")
        rows.append((ticket["ticket_id"], ticket["mint_address"], f"{account['owner'][:10]}…", "verified"))
    check(len({row[1] for row in rows}) == TICKETS, "two tickets share a mint address")
    screen.table("Tickets, read back from the chain", ("ticket", "mint", "program", "chain says"), rows)
    screen.step(f"the last one was minted by the transaction {verified['mint_signature'][:16]}…")
    await _prove_picture(screen, api, verified["token"]["uri"])
    screen.keep(purchase=bought)


async def _prove_picture(screen: Screen, api: ApiClient, uri: str) -> None:
    """Follow the uri on chain to the document and to its picture; the bytes of each have the CID that names them."""
    path = f"/ipfs/{uri.removeprefix('ipfs://')}"
    document = json.loads(await _file(api, path))
    image = f"/ipfs/{document['image'].removeprefix('ipfs://')}"
    drawn = await _file(api, image)
    check(drawn.startswith(b"<svg"), f"{image} is no picture: {drawn[:40]!r}")
    screen.step(f"their metadata is {path}")
    screen.step(f"their picture is {image}, {len(drawn)} bytes of SVG; each CID is that of its bytes")
    screen.keep(metadata=document)


async def _file(api: ApiClient, path: str) -> bytes:
    """Read a file of tokens' metadata; check that its CID is that of its bytes."""
    found = await api.read(path)
    cid = base64.b32encode(CID_OF_BYTES + hashlib.sha256(found).digest()).decode().lower().rstrip("=")
    check(path == f"/ipfs/b{cid}", f"{path} has the bytes of b{cid}")
    return found


async def _prove_leaf(screen: Screen, stack: Stack, api: ApiClient, show: JsonObject, bought: JsonObject) -> None:
    """Wait for the root of tickets that are leaves, and lead one of them to the root that the node shows."""
    path = f"/api/v1/tickets/{bought['tickets'][-1]['ticket_id']}/verify"
    verified = await api.until(path, "the root on chain", lambda seen: bool(seen["leaf"]["on_chain"]), READY_SECONDS)
    leaf, proof = verified["leaf"], verified["leaf"]["proof"]
    root = await _root_on_chain(stack, show["mint_address"])
    screen.step(f"{TICKETS} tickets are sold and settled, without a token; one root stands for them")
    screen.step(f"root {root.text()} in the show's mint, by the transaction {leaf['root_signature'][:16]}…")
    grounds, parts = Grounds(proof["cluster"], show["mint_address"]), (proof["public_name"], proof["cid"])
    made_leaf = bytes.fromhex(leaf_of(grounds, proof["index"], *parts, proof["generation"]).hash)
    beside = [bytes.fromhex(node) for node in proof["path"]]
    led_to = root_by_path(made_leaf, proof["index"], root.size, beside)
    check(led_to == bytes.fromhex(root.root), f"the leaf does not lead to the root on chain: {proof}")
    over = ", ".join(f"{one[:8]}…" for one in proof["path"])
    screen.step(f"leaf {proof['index']} of {root.size} leads to it over {over}: proved")
    screen.keep(leaf=leaf)


async def _root_on_chain(stack: Stack, show_mint: str) -> TreeRoot:
    """Return the root of tickets, as the node explains the show's mint to any wallet."""
    account = await read_mint(stack.urls["solana_rpc"], show_mint, "jsonParsed")
    extensions = account["data"]["parsed"]["info"]["extensions"]
    [fields] = [one["state"]["additionalMetadata"] for one in extensions if one["extension"] == "tokenMetadata"]
    root = TreeRoot.read(dict(fields).get(ROOT_KEY, ""))
    if root is None:
        raise DemoFailedError(f"the show's mint {show_mint} has no root of tickets: {fields}")
    return root


def _prove_books(screen: Screen, venue_id: str, bought: JsonObject) -> None:
    postings = bought["postings"]
    totals: Counter[tuple[str, str]] = Counter()
    for line in postings:
        totals[line["credit"], line["unit"]] += line["amount"]
        totals[line["debit"], line["unit"]] -= line["amount"]
    for unit in {unit for _, unit in totals}:
        check(sum(total for (_, own), total in totals.items() if own == unit) == 0, f"{unit} does not balance")
    rows = [(line["kind"], line["debit"], line["credit"], str(line["amount"]), line["unit"]) for line in postings]
    screen.table(
        "The books of this purchase: every line balances", ("event", "debit", "credit", "amount", "unit"), rows
    )
    check(totals[f"venue:{venue_id}:payable", "eur"] == SHARE, f"the venue's payable is not its share of {SHARE}")
    check(totals["mint:debt", "TICKET"] == 0, "a paid ticket is not on chain")
    screen.step(f"the venue is credited {money(SHARE, 'eur')}")


async def _prove_balance(screen: Screen, api: ApiClient, venue_id: str) -> None:
    """Check that the venue has its share of both sales, and nothing else."""
    balance = await api.get(f"/api/v1/venues/{venue_id}/balance")
    credited = {line["currency"]: line["balance_minor"] for line in balance["balances"]}
    check(credited == {"eur": 2 * SHARE}, f"the venue's balance is {credited}")
    screen.step(f"the venue's balance is {money(2 * SHARE, 'eur')}: its share of both sales")
    screen.keep(balance=balance)


async def _decline(stack: Stack, api: ApiClient, show_id: str, seat: str) -> str:
    """Hold two seats for a short while with a card that is declined; return the purchase's id."""
    body: dict[str, Any] = {"show_id": show_id, "items": [{"ticket_type_id": seat, "quantity": 2}]}
    opened = await api.post("/api/v1/purchases", {**body, "hold_seconds": SHORT_HOLD_SECONDS}, "demo-declined")
    card = "pm_card_chargeDeclined"
    status, _ = await pay_by_card(stack.urls["stripe"], opened["client_secret"], card, stack.publishable_key)
    check(status == httpx.codes.PAYMENT_REQUIRED, f"the declined card was answered with {status}")
    return str(opened["purchase_id"])


async def _prove_release(screen: Screen, api: ApiClient, show_id: str, purchase_id: str) -> None:
    ended = await api.purchase(purchase_id, screen.event, ENDED, READY_SECONDS)
    check(ended["state"] == "cancelled", f"the unpaid purchase ended as {ended['state']}")
    show = await api.get(f"/api/v1/shows/{show_id}")
    left = show["ticket_types"][0]
    check((left["available"], left["held"]) == (CAPACITY - TICKETS, 0), f"the seats were not released: {left}")
    screen.step(f"the seats are released: {left['available']} of {CAPACITY} available, {left['sold']} sold, none held")
    screen.keep(declined=ended, availability=left)
