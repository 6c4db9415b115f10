"""The pages for operators, word by word: every command is run from its text, in the situation that it is for.

A command that no test can run is in NOT_RUN with its reason; a new one that is in neither turns this red.
"""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from solders.keypair import Keypair

from cli.main import app
from devstack.config import POSTGRES_URL
from devstack.servers.postgres import installed
from devstack.stack import Stack, running_stack
from settings import read_settings
from tests.contract.postgres_box import database
from tests.docs.commands import EXECUTABLES, Command, Page, run
from tests.real.conftest import QUICK
from tests.real.shop import Shop
from tests.real.test_refunds import finish, sold, turned
from tests.real.up import UP

PAGES = ("docs/runbook.md", "docs/operations.md", "docs/observing.md")
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
PROGRAMS, STATEMENTS = ("temporal ", "openssl "), ("SELECT ", "UPDATE ", "DELETE ")
SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 60
CODEC = "BOXOFFICE_TEMPORAL__CODEC_KEYS"


def same(text: str) -> str:
    return text


def refused(text: str) -> str:
    """Expect a command to fail."""
    return f"! {text}"


def until_it_serves(text: str) -> str:
    """Run a command that keeps running, until its metrics have what the page says."""
    asked = "curl --silent http://127.0.0.1:9101/metrics | grep --quiet '^boxoffice_unexplained_minor'"
    return f"{text.partition('#')[0]} & running=$!\nuntil {asked}; do sleep 0.2; done\nkill $running\nwait $running"


@dataclass(frozen=True)
class Case:
    """What stands for the page's placeholders, what the answer has, and a command that fails or runs on."""

    instead: dict[str, str] = field(default_factory=dict)  # a placeholder: the name of a subject in the world
    says: str = ""
    as_run: Callable[[str], str] = same
    given: dict[str, str] = field(default_factory=dict)  # a setting: the name of a subject


# By the beginning of the command, the longest that fits.
RUN = {
    "python -c 'from adapters.solana.keys": Case({"issuer_secret": "issuer_secret"}, ""),
    "openssl rand": Case(),
    "temporal worker deployment describe": Case(says="CurrentVersion"),
    "temporal worker deployment set-current-version": Case({"B": "build"}),
    "temporal workflow list --query 'TemporalChangeVersion": Case(),
    "temporal workflow count": Case(says="Total"),
    "boxoffice purchase list --needs-operator": Case(says="needs an operator"),
    "temporal workflow list --query 'NeedsOperator": Case(says="RefundWorkflow"),
    "temporal workflow metadata": Case({"ID": "waiting"}, "awaiting-payment"),
    "boxoffice purchase show": Case({"ID": "sold"}, "Order confirmed"),
    "boxoffice operator show refund/": Case({"ID": "failed-1"}, "possible: pay-by-hand"),
    "boxoffice operator retry-now refund/": Case({"ID": "failed-1"}),
    "boxoffice operator pay-by-hand refund/": Case({"ID": "failed-2"}),
    "temporal workflow query -w refund/": Case({"ID": "failed-3"}, "failed"),
    "temporal workflow update execute -w refund/ID --name retry_now": Case({"ID": "failed-3"}),
    "temporal workflow update execute -w refund/ID --name pay_by_hand": Case({"ID": "failed-4"}),
    "boxoffice repair": Case(says="retry_now"),
    "temporal workflow start --type TransfersWorkflow": Case(says="transfers-by-hand"),
    "curl -X POST": Case({"ID": "cash", "REFUND": "owed"}, "succeeded"),
    "temporal workflow list --query 'TemporalReportedProblems": Case(),
    "temporal workflow show": Case({"ID": "sold"}, "WorkflowExecutionStarted"),
    "temporal workflow update execute -w purchase/ID": Case({"ID": "waiting"}),
    "temporal workflow reset -w purchase/": Case({"ID": "reset"}),
    "temporal workflow cancel -w purchase/": Case({"ID": "cancelled"}),
    "python -m projector --rebuild": Case(),
    "boxoffice reconcile": Case(says="whole"),
    "boxoffice reconcile --every": Case({"9101": "port"}, as_run=until_it_serves),
    "boxoffice search-attributes": Case(),
    "boxoffice doctor": Case(),
    "boxoffice migrate": Case(says="this build needs step"),
    "pg_dump": Case({"boxoffice.dump": "dump"}),
    "pg_restore": Case({"boxoffice.dump": "dump"}, given={POSTGRES_URL: "empty-database"}),
    "boxoffice mint rotate-keys --dry-run": Case(says="left with retired keys", as_run=refused),
    "boxoffice mint rotate-keys": Case(says="0 left with retired keys"),
}
CONTAINERS = "needs Docker; tests/architecture/test_compose.py checks the file with the code"
CLUSTER = "needs a cluster; tests/packaging/test_kubernetes.py checks the files with the code"
NOT_RUN = {
    "temporal workflow metadata -w letters": "needs a mail server that is away; tests/workflows/ has what it says",
    "docker compose": CONTAINERS,
    "kubectl": CLUSTER,
    "export BOXOFFICE_TEMPORAL__ADDRESS": "needs an account; tests/real/test_outside.py sells through such a front",
}
LAST = "boxoffice mint rotate-keys"  # the stack's own keys are retired then


def normal(text: str) -> str:
    return " ".join(text.split())


def commands() -> Iterator[str]:
    """Yield every command of the pages: of their sessions, and those of other programs in their sentences."""
    for path in PAGES:
        page = Page.read(path)
        yield from (one.text for one in page.commands())
        yield from (span for span in map(normal, SPAN.findall(page.text)) if is_whole(span))


def is_whole(span: str) -> bool:
    """Whether a span in a sentence is a command with its arguments, and not only a name."""
    return span.startswith(PROGRAMS) and "-" in span


def key_of(command: str) -> str:
    """Return the entry of a command: the longest that it begins with."""
    fitting = [key for key in (*RUN, *NOT_RUN) if normal(command).startswith(key)]
    assert fitting, f"add this command to RUN, or with a reason to NOT_RUN: {command}"
    return max(fitting, key=len)


def test_every_command_is_run_or_has_a_reason() -> None:
    """And no entry is left of a command that is gone."""
    assert {key_of(command) for command in commands()} == RUN.keys() | NOT_RUN.keys()
    with pytest.raises(AssertionError, match="add this command to RUN"):
        key_of("boxoffice mend everything")


def test_every_command_that_a_sentence_names_exists() -> None:
    """`boxoffice NAME` in the text, with its subcommand."""
    group: Any = typer.main.get_command(app)
    for path in PAGES:
        for span in SPAN.findall((Path(__file__).parents[2] / path).read_text()):
            words = span.split()
            if words[0] == "boxoffice" and len(words) > 1:
                found = group.commands[words[1]]
                if len(words) > 2 and hasattr(found, "commands") and not words[2].startswith("-"):
                    assert words[2] in found.commands, span


@asynccontextmanager
async def world(stack: Stack, shop: Shop, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Bring about every situation that a command of the pages is for; yield its subjects by name."""
    await shop.open(capacity=40)
    made = {"sold": (await sold(shop, "sold", 1))["purchase_id"], "build": read_settings(stack.env).worker.build_id}
    for name in ("waiting", "reset", "cancelled"):
        made[name] = (await shop.buy(name)).json()["purchase_id"]
    for number in range(1, 5):
        made[f"failed-{number}"] = await failed_refund(shop, f"failed-{number}")
    made["cash"], made["owed"] = await owed_at_till(shop)
    seed = stack.env["BOXOFFICE_SOLANA__ISSUER_SECRET"]
    (folder / "issuer_secret").write_text(f"{seed}\n")
    with database() as empty:
        yield {**made, "issuer_secret": str(folder / "issuer_secret"), "dump": str(folder / "dump"),
               "empty-database": empty, "port": str(free_port())}  # fmt: skip


async def failed_refund(shop: Shop, key: str) -> str:
    """Return a refund that the bank has refused."""
    body = await sold(shop, key, 1, "pm_card_pendingRefund")
    refund_id = str((await shop.refund(body["purchase_id"], key)).json()["refund_id"])
    await turned(shop, body["purchase_id"], "pending")
    await finish(shop, body["purchase_id"], "fail")
    await turned(shop, body["purchase_id"], "failed")
    return refund_id


async def owed_at_till(shop: Shop) -> tuple[str, str]:
    """Return a purchase that was paid in cash, and its refund that waits at the till."""
    wanted = {"show_id": shop.show_id, "items": [{"ticket_type_id": shop.seat, "quantity": 1}], "tender": "cash"}
    purchase_id = str((await shop.post("/internal/purchases", wanted, "cash")).json()["purchase_id"])
    await shop.ended(purchase_id)
    refund_id = str((await shop.refund(purchase_id, "cash")).json()["refund_id"])
    await shop.until(purchase_id, lambda seen: any(one["owed_at_till"] for one in seen["refunds"]), 30)
    return purchase_id, refund_id


def environment(stack: Stack, key: str, made: dict[str, str]) -> dict[str, str]:
    """Return the settings that the page tells its reader to have."""
    path = f"{EXECUTABLES}:{installed() / 'bin'}:{os.environ['PATH']}"
    given = {**stack.env, "TEMPORAL_ADDRESS": stack.urls["temporal"], "API": stack.urls["api"], "PATH": path}
    given["KEY"] = stack.key["Authorization"].removeprefix("Bearer ")
    given |= {setting: made[name] for setting, name in RUN[key].given.items()}
    if key.startswith(LAST):
        seed = Keypair.from_seed(bytes(range(1, 33))).secret().hex()
        given["BOXOFFICE_SOLANA__RETIRED_SECRETS"] = given["BOXOFFICE_SOLANA__ISSUER_SECRET"]
        given |= {"BOXOFFICE_SOLANA__ISSUER_SECRET": seed, "BOXOFFICE_SOLANA__ISSUER_ADDRESS": ""}
    return given


def as_typed(text: str, case: Case, made: dict[str, str]) -> Command:
    """Return a command of a page with the world's subjects for its placeholders."""
    text = case.as_run(text)
    for placeholder, name in case.instead.items():
        text, count = re.subn(rf"(?<![\w-]){re.escape(placeholder)}(?![\w-])", made[name], text)
        assert count, f"{text} has no {placeholder}"
    return Command(text)


@pytest.mark.real
@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_the_commands_of_the_pages(tmp_path: Path) -> None:
    """Each succeeds, or fails where the page says so, and says what it is there for; the statements run too."""
    folder = tmp_path / "operator"
    folder.mkdir()
    env = {name: value for name, value in QUICK.items() if name != CODEC}  # `temporal` reads and writes plain JSON
    async with (
        running_stack(tmp_path / "stack", env=env, up=UP) as stack,
        Shop.at(stack) as shop,
        world(stack, shop, folder) as made,
    ):
        ordered = sorted(dict.fromkeys(commands()), key=lambda text: key_of(text).startswith(LAST))
        runs = [(text, key) for text in ordered if (key := key_of(text)) in RUN]
        faults = [await fault_of(text, key, folder, environment(stack, key, made), made) for text, key in runs]
        assert [fault for fault in faults if fault] == []
        await run_statements(stack.env[POSTGRES_URL], made)


async def fault_of(text: str, key: str, folder: Path, given: dict[str, str], made: dict[str, str]) -> str:
    """Run a command of a page; return what is wrong with it, or nothing."""
    typed = as_typed(text, RUN[key], made)
    try:
        ran = await asyncio.to_thread(run, [typed], folder, environment=given, seconds=SECONDS)
    except AssertionError as error:
        return f"{typed.text}: {error}"
    return "" if RUN[key].says in ran.stdout else f"{typed.text}: {RUN[key].says!r} is not in {ran.stdout}"


async def run_statements(url: str, made: dict[str, str]) -> None:
    """Run every SQL statement of the pages, and take it back; the books' sum of each unit is zero."""
    text = "".join(Page.read(path).text for path in PAGES)
    inline = [span for span in map(normal, SPAN.findall(text)) if span.startswith(STATEMENTS)]
    assert len(inline) > 2
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for role in ("owner", "boxoffice"):
            await connection.execute(f"CREATE ROLE {role}")
        for block in [*SQL.findall(text), *inline]:
            for statement in filter(str.strip, block.replace("'ID'", f"'{made['sold']}'").split(";")):
                cursor = await connection.execute(statement)
                if "HAVING" in statement:
                    assert await cursor.fetchall() == []
        await connection.rollback()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
