"""`boxoffice mint rotate-keys` on a database and a dev chain, with its exit codes and documents."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from adapters.database.startup import open_event_store
from cli.main import app
from domain.catalog.venue import Venue
from tests.contract.key_worlds import Keys, mint, venue
from tests.devstack.chain.dev_chain import DevChain
from tests.fakes.samples import AT, new_venue


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["mint", "rotate-keys", *arguments])


def use(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the command these keys."""
    seeds = {"ISSUER": keys.issuer, "PAYER": keys.payer, "DELEGATE": keys.delegate}
    for role, keypair in seeds.items():
        monkeypatch.setenv(f"BOXOFFICE_SOLANA__{role}_SECRET", keypair.secret().hex())
    retired = " ".join(keypair.secret().hex() for keypair in keys.retired)
    monkeypatch.setenv("BOXOFFICE_SOLANA__RETIRED_SECRETS", retired)


@pytest.fixture
def keys(node: DevChain, tables_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Keys:
    """A venue that is on chain and in the events, and the keys that made it."""
    made = Keys()
    node.fund(str(made.payer.pubkey()))
    asyncio.run(register(made, node, tables_url))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", tables_url)
    monkeypatch.setenv("BOXOFFICE_SOLANA__RPC_URL", node.url)
    for limit in ("CALLS", "SENDS"):
        monkeypatch.setenv(f"BOXOFFICE_SOLANA__{limit}_PER_SECOND", "1000")
    return made


async def register(keys: Keys, node: DevChain, url: str) -> None:
    chain, store = keys.chain(node), open_event_store(url)
    signed = await mint(chain, venue())
    subject = new_venue()
    subject.sign_token(signed, AT)
    await store.commit(lambda uow: uow.add(subject))
    await chain.close()
    await asyncio.to_thread(store.close)
    assert isinstance(subject, Venue)


def test_what_retired_keys_have_is_handed_over(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dry run counts, the run hands over, and a run after it finds nothing."""
    use(keys.rotated("issuer"), monkeypatch)
    dry = run("--dry-run", "--json")
    assert (dry.exit_code, json.loads(dry.stdout)) == (
        1,
        {"handed_over": 0, "left": 4, "absent": 0, "dry_run": True},
    )
    done = run("--json")
    assert (done.exit_code, json.loads(done.stdout)["handed_over"], json.loads(done.stdout)["left"]) == (0, 4, 0)
    assert run().stdout == "0 authorities handed over, 0 left with retired keys\n"


def test_without_a_retired_key_there_is_nothing_to_rotate(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says which setting is missing; so it does for a node that is away."""
    use(keys, monkeypatch)
    refused = run()
    assert (refused.exit_code, "BOXOFFICE_SOLANA__RETIRED_SECRETS" in refused.stderr) == (2, True)
    use(keys.rotated("issuer"), monkeypatch)
    monkeypatch.setenv("BOXOFFICE_SOLANA__RPC_URL", "http://127.0.0.1:1")
    away = run("--dry-run")
    assert (away.exit_code, "unreachable" in away.stderr) == (2, True)
