"""Contract of the table of buyers, for PostgreSQL and the fake; and what stands in the table itself."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.postgres.connections import Pool
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.keyring import KeyMissingError, SealBrokenError
from adapters.privacy.retention import PostgresRetention
from adapters.privacy.rotation import Rotation, RotationProgress
from domain.core.errors import WrongState
from domain.orders.personal_data import PersonalData
from tests.fakes.small_tables import MemoryBuyers

KEYS = {"new": bytes(range(32)), "old": bytes(range(1, 33))}
OLD_KEYS = {"old": KEYS["old"]}
SECRET = "a secret of thirty-two characters or more"
ANN = PersonalData("Ann Buyer", "ann@example.org", "wallet-of-ann")
ANN_BY_EMAIL = PersonalData(email="ann@example.org")
LOST = "buyers of lost requests"
AT = datetime(2026, 1, 1, tzinfo=UTC)
Buyers = MemoryBuyers | PostgresBuyers


@pytest.fixture(params=["fake", "postgres", "postgres without a key"])
def buyers(request: pytest.FixtureRequest) -> Buyers:
    if request.param == "fake":
        return MemoryBuyers(lambda purchase_id: purchase_id == "pu_ended")
    keys = KEYS if request.param == "postgres" else {}
    return PostgresBuyers(request.getfixturevalue("ended"), Sealing(keys, SECRET))


@pytest.fixture
async def ended(pool: Pool) -> Pool:
    """The read models know a purchase that has ended, and one that has not."""
    for purchase_id, state in (("pu_ended", "fulfilled"), ("pu_open", "awaiting-payment")):
        await purchase(pool, purchase_id, state)
    return pool


async def purchase(pool: Pool, purchase_id: str, state: str, **fields: Any) -> None:
    document = {"state": state, "show_id": "sh_1", "requested_at": AT.isoformat(), **fields}
    await run(pool, "INSERT INTO rm_purchases (id, doc) VALUES (%s, %s::jsonb)", purchase_id, json.dumps(document))


async def run(pool: Pool, statement: str, *values: Any) -> list[Any]:
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []


async def keep(buyers: Buyers, buyer_id: str, personal: PersonalData, purchase_id: str = "pu_ended") -> tuple[str, ...]:
    return await buyers.keep(buyer_id, "default", purchase_id, personal, [f"al_{buyer_id}", f"al_{buyer_id}_wallet"])


async def test_a_buyer_is_kept_once_and_forgotten(buyers: Buyers) -> None:
    """The same id again changes nothing; to forget an unknown buyer is success."""
    assert await buyers.wallet_of("bu_1") is None
    await keep(buyers, "bu_1", PersonalData("Ann", None, "wallet"))
    await keep(buyers, "bu_1", PersonalData("Bob", None, "other"))
    await keep(buyers, "bu_2", PersonalData("Cid", "cid@example.org"))
    assert [await buyers.wallet_of(name) for name in ("bu_1", "bu_2")] == ["wallet", None]
    await buyers.forget("bu_1")
    await buyers.forget("bu_1")
    assert await buyers.wallet_of("bu_1") is None
    await keep(buyers, "bu_1", PersonalData("Bob", None, "other"))
    assert await buyers.wallet_of("bu_1") == "other"


async def test_a_buyer_is_found_by_id_purchase_and_person(buyers: Buyers) -> None:
    """A person is found in any spelling that is one address, and by a wallet."""
    await keep(buyers, "bu_1", ANN)
    await keep(buyers, "bu_2", ANN._replace(email=" Ann@Example.org", name=None), "pu_open")
    await keep(buyers, "bu_3", PersonalData(wallet="wallet-of-ann"))
    one = await buyers.read("bu_1")
    assert one is not None
    assert (one.tenant_id, one.purchase_id, one.personal) == ("default", "pu_ended", ANN)
    assert await buyers.read("bu_nobody") is None
    assert [found.buyer_id for found in await buyers.of_purchase("pu_open")] == ["bu_2"]
    by_email = await buyers.of_person("default", ANN_BY_EMAIL)
    by_wallet = await buyers.of_person("default", PersonalData(wallet="wallet-of-ann"))
    assert sorted(kept.buyer_id for kept in by_email) == ["bu_1", "bu_2"]
    assert sorted(kept.buyer_id for kept in by_wallet) == ["bu_1", "bu_2", "bu_3"]
    assert await buyers.of_person("another", ANN_BY_EMAIL) == []


async def test_one_person_has_one_allowance_per_tenant(buyers: Buyers) -> None:
    """It is the first id that was offered; a buyer with a name alone is not counted."""
    assert await keep(buyers, "bu_1", ANN) == ("al_bu_1", "al_bu_1_wallet")
    assert await keep(buyers, "bu_2", PersonalData(email="ANN+tag@example.org ")) == ("al_bu_1",)
    assert await keep(buyers, "bu_3", PersonalData(email="bob@example.org", wallet=ANN.wallet)) == (
        "al_bu_3",
        "al_bu_1_wallet",
    )
    assert await keep(buyers, "bu_4", PersonalData(name="Ann Buyer")) == ()
    assert await buyers.keep("bu_5", "another", "pu_ended", ANN, ["al_5", "al_6"]) == ("al_5", "al_6")


async def test_a_wallet_that_claims_a_ticket_is_a_buyers(buyers: Buyers) -> None:
    """It comes with the person of its purchase and is found by itself; it counts for no limit, and is erased as any."""
    await keep(buyers, "bu_1", ANN_BY_EMAIL)
    for wallet in ("wallet-of-ann", "another"):
        await buyers.keep_holder("bu_h", "default", "pu_ended", "ti_1", wallet)
    await buyers.keep_holder("bu_i", "default", "pu_open", "ti_2", "elsewhere")
    assert await buyers.wallet_of("bu_h") == "wallet-of-ann"
    for person in (ANN_BY_EMAIL, PersonalData(wallet="wallet-of-ann")):
        assert "bu_h" in [kept.buyer_id for kept in await buyers.of_person("default", person)]
    assert [kept.buyer_id for kept in await buyers.of_person("default", ANN_BY_EMAIL)] == ["bu_1", "bu_h"]
    assert sorted(kept.buyer_id for kept in await buyers.of_purchase("pu_ended")) == ["bu_1", "bu_h"]
    assert await keep(buyers, "bu_2", PersonalData(wallet="wallet-of-ann")) == ("al_bu_2",)
    assert await buyers.erase(["bu_h"]) == 1
    assert await buyers.wallet_of("bu_h") is None


async def test_an_erased_person_is_a_new_person(buyers: Buyers) -> None:
    """The allowance stays while a buyer names the person, and is then lost: nothing leads back to it."""
    await keep(buyers, "bu_1", ANN)
    await keep(buyers, "bu_2", ANN)
    assert await buyers.erase(["bu_1"]) == 1
    assert await keep(buyers, "bu_3", ANN) == ("al_bu_1", "al_bu_1_wallet")
    assert await buyers.erase(["bu_2", "bu_3", "bu_nobody"]) == 2
    assert await buyers.of_person("default", ANN_BY_EMAIL) == []
    assert await keep(buyers, "bu_4", ANN) == ("al_bu_4", "al_bu_4_wallet")


async def test_a_buyer_of_an_open_purchase_is_not_erased(buyers: Buyers) -> None:
    """Nor is any other of the same call; a purchase that the read models do not know yet counts as open."""
    await keep(buyers, "bu_1", ANN)
    for open_one in ("pu_open", "pu_unknown"):
        await keep(buyers, f"bu_of_{open_one}", ANN, open_one)
        with pytest.raises(WrongState, match=open_one):
            await buyers.erase(["bu_1", f"bu_of_{open_one}"])
        assert await buyers.read("bu_1") is not None


async def everything(pool: Pool) -> str:
    """Return the text of both tables."""
    return repr([await run(pool, f"SELECT * FROM {table}") for table in ("buyers", "persons")])  # noqa: S608 - a name


async def test_a_stolen_table_tells_nobody(ended: Pool) -> None:
    """No value stands in the table; a value that is moved to another row or column does not open."""
    buyers = PostgresBuyers(ended, Sealing(KEYS, SECRET))
    await keep(buyers, "bu_1", ANN)
    await keep(buyers, "bu_2", ANN)
    assert not [value for value in filter(None, ANN) if value in await everything(ended)]
    await run(
        ended, "UPDATE buyers b SET name = a.name FROM buyers a WHERE a.buyer_id = 'bu_1' AND b.buyer_id = 'bu_2'"
    )
    await run(ended, "UPDATE buyers SET wallet = email WHERE buyer_id = 'bu_1'")
    for moved in ("bu_1", "bu_2"):
        with pytest.raises(SealBrokenError):
            await buyers.read(moved)


async def test_a_lookup_without_the_secret_finds_nobody(ended: Pool) -> None:
    """The hash is keyed: with the table and another secret no guess can be confirmed."""
    await keep(PostgresBuyers(ended, Sealing(KEYS, SECRET)), "bu_1", ANN)
    assert await PostgresBuyers(ended, Sealing(KEYS, "another")).of_person("default", ANN_BY_EMAIL) == []


async def test_a_rotation_seals_plain_rows_and_rows_of_an_older_key(
    ended: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row stays readable meanwhile; an interrupted rotation continues; then the old key is not needed."""
    monkeypatch.setattr("adapters.privacy.rotation.BATCH_MAX", 2)
    plain, old, new = (PostgresBuyers(ended, Sealing(keys, SECRET)) for keys in ({}, OLD_KEYS, KEYS))
    for number in range(5):
        await keep((plain, old)[number % 2], f"bu_{number}", ANN._replace(name=f"Ann {number}"))
    rotation = Rotation(ended, Sealing(KEYS, SECRET))
    steps = rotation.run()
    assert [await anext(steps), await anext(steps)] == [RotationProgress(0, 5), RotationProgress(2, 3)]
    await steps.aclose()
    assert [(await new.read(f"bu_{number}")).personal.name for number in range(5)] == [  # type: ignore[union-attr]
        f"Ann {number}" for number in range(5)
    ]
    assert [step async for step in rotation.run()] == [
        RotationProgress(0, 3),
        RotationProgress(2, 1),
        RotationProgress(3, 0),
    ]
    only_new = PostgresBuyers(ended, Sealing({"new": KEYS["new"]}, SECRET))
    assert len(await only_new.of_person("default", ANN_BY_EMAIL)) == 5
    with pytest.raises(KeyMissingError, match="new"):
        await old.read("bu_0")
    with pytest.raises(KeyMissingError):
        await anext(Rotation(ended, Sealing({}, SECRET)).run())


async def test_a_row_that_does_not_open_stops_no_rotation(ended: Pool) -> None:
    """Its key is gone, or it was damaged: it stays as it is and counts as left, and the others are sealed anew."""
    buyers = PostgresBuyers(ended, Sealing(KEYS, SECRET))
    for name in ("bu_1", "bu_2", "bu_3"):
        await keep(buyers, name, ANN, "pu_ended")
    await run(ended, "UPDATE buyers SET key_id = 'gone' WHERE buyer_id = 'bu_2'")
    await run(
        ended, "UPDATE buyers SET key_id = NULL, name = 'Ann', email = NULL, wallet = NULL WHERE buyer_id <> 'bu_2'"
    )
    progress = [step async for step in Rotation(ended, Sealing(KEYS, SECRET)).run()][-1]
    assert progress.left == 1
    assert await run(ended, "SELECT buyer_id FROM buyers WHERE key_id = 'gone'") == [("bu_2",)]


async def test_a_row_of_release_0_1_0_finds_its_purchase(ended: Pool) -> None:
    """The event names the buyer; a row that no event names is deleted by the retention a day later."""
    await request_event(ended, "pu_ended", "bu_1")
    old_row = "INSERT INTO buyers (buyer_id, tenant_id, name, email, kept_at) VALUES (%s, 'default', 'Ann', %s, %s)"
    for buyer_id in ("bu_1", "bu_lost"):
        await run(ended, old_row, buyer_id, "ann@example.org", AT)
    buyers = PostgresBuyers(ended, Sealing(KEYS, SECRET))
    with pytest.raises(WrongState, match="release"):
        await buyers.erase(["bu_1"])
    assert [step async for step in Rotation(ended, Sealing(KEYS, SECRET)).run()][-1] == RotationProgress(2, 0)
    assert await erased(PostgresRetention(ended, 0), AT + timedelta(days=2)) == {LOST: 2}
    assert [kept.buyer_id for kept in await buyers.of_person("default", ANN_BY_EMAIL)] == ["bu_1"]
    assert await buyers.erase([kept.buyer_id for kept in await buyers.of_purchase("pu_ended")]) == 1


async def request_event(pool: Pool, purchase_id: str, buyer_id: str) -> None:
    state = f'{{"buyer_id":"{buyer_id}"}}'.encode()
    insert = (
        "INSERT INTO events (originator_id, originator_version, topic, state) VALUES (%s, 1, 'order.requested', %s)"
    )
    await run(pool, insert, f"order:{purchase_id}", state)


async def erased(retention: PostgresRetention, at: datetime) -> dict[str, int]:
    """Delete one batch of each kind; return the numbers of rows by kind, without zeros."""
    return {kind: number for kind, erase in retention.kinds().items() if (number := await erase(at))}


async def left(pool: Pool) -> list[str]:
    return [row[0] for row in await run(pool, "SELECT buyer_id FROM buyers ORDER BY buyer_id")]


async def test_retention_deletes_a_buyer_after_the_show(pool: Pool) -> None:
    """Only of an ended purchase, whose refunds have arrived; without an end of the show it counts from the sale."""
    await run(
        pool, "INSERT INTO rm_shows (id, doc) VALUES ('sh_1', %s::jsonb)", json.dumps({"ends_at": AT.isoformat()})
    )
    buyers = PostgresBuyers(pool, Sealing(KEYS, SECRET))
    later = (AT + timedelta(days=5)).isoformat()
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "ended": ("fulfilled", {}),
        "no-show": ("fulfilled", {"show_id": "sh_none", "confirmed_at": later}),
        "open": ("confirmed", {}),
        "refunding": ("fulfilled", {"refund_state": "refunding"}),
    }
    for name, (state, fields) in rows.items():
        await purchase(pool, f"pu_{name}", state, **fields)
        await keep(buyers, f"bu_{name}", ANN, f"pu_{name}")
        await request_event(pool, f"pu_{name}", f"bu_{name}")
    await run(pool, "UPDATE buyers SET kept_at = %s", AT)
    assert await erased(PostgresRetention(pool, 0), AT + timedelta(days=999)) == {LOST: len(rows)}
    retention = PostgresRetention(pool, 30)
    assert await erased(retention, AT + timedelta(days=29)) == {}
    assert await erased(retention, AT + timedelta(days=30)) == {"buyers": 1}
    assert await left(pool) == ["bu_no-show", "bu_open", "bu_refunding"]
    assert await erased(retention, AT + timedelta(days=35)) == {"buyers": 1}
    assert await left(pool) == ["bu_open", "bu_refunding"]


async def test_a_wallet_is_kept_for_the_claim_that_names_it(pool: Pool) -> None:
    """One that no event names goes after a day; the others go with their purchase, not while the claim is open."""
    buyers = PostgresBuyers(pool, Sealing(KEYS, SECRET))
    await purchase(pool, "pu_1", "fulfilled", show_id="sh_none", confirmed_at=AT.isoformat())
    insert = "INSERT INTO events (originator_id, originator_version, topic, state) VALUES (%s, 1, 'ticket.claimed', %s)"
    for name in ("open", "done", "lost"):
        await buyers.keep_holder(f"bu_{name}", "default", "pu_1", f"ti_{name}", f"wallet {name}")
        if name != "lost":
            claim = {"claim": "requested" if name == "open" else "done"}
            await run(pool, insert, f"ticket:ti_{name}", json.dumps({"holder_id": f"bu_{name}"}).encode())
            await run(pool, "INSERT INTO rm_tickets (id, doc) VALUES (%s, %s::jsonb)", f"ti_{name}", json.dumps(claim))
    await run(pool, "UPDATE buyers SET kept_at = %s", AT)
    retention = PostgresRetention(pool, 30)
    assert await erased(retention, AT + timedelta(days=1)) == {LOST: 3}
    assert await left(pool) == ["bu_done", "bu_open"]
    assert await erased(retention, AT + timedelta(days=30)) == {"buyers": 1}
    assert await left(pool) == ["bu_open"]


async def test_a_buyer_of_a_lost_request_is_deleted_after_a_day(pool: Pool) -> None:
    """No event names it; one that an event names stays, and the person of a refused request goes."""
    buyers = PostgresBuyers(pool, Sealing(KEYS, SECRET))
    await request_event(pool, "pu_1", "bu_recorded")
    for name in ("bu_recorded", "bu_lost"):
        await keep(buyers, name, ANN._replace(email=f"{name}@example.org"), "pu_1")
    await keep(buyers, "bu_refused", ANN)
    await buyers.forget("bu_refused")
    await run(pool, "UPDATE buyers SET kept_at = %s", AT)
    retention = PostgresRetention(pool, 0)
    assert await erased(retention, AT + timedelta(hours=23)) == {}
    assert await left(pool) == ["bu_lost", "bu_recorded"]
    assert await erased(retention, AT + timedelta(days=1)) == {LOST: 2}  # one that an event names is seen as well
    assert await left(pool) == ["bu_recorded"]
    assert len(await run(pool, "SELECT lookup FROM persons")) == 2  # by e-mail address, and by wallet
    assert await erased(retention, AT + timedelta(days=400)) == {}


async def test_retention_deletes_handled_webhooks_and_secrets_of_ended_purchases(pool: Pool) -> None:
    """A waiting webhook stays, and a handled one stays for as long as Stripe lists its event."""
    insert = (
        "INSERT INTO webhook_inbox (event_id, type, digest, received_at, signalled_at) VALUES (%s, 'x', 'd', %s, %s)"
    )
    await run(pool, insert, "evt_handled", AT, AT)
    await run(pool, insert, "evt_waiting", AT, None)
    for name, state in (("ended", "cancelled"), ("open", "awaiting-payment")):
        await purchase(pool, f"pu_{name}", state)
        await run(pool, "INSERT INTO checkouts (purchase_id, client_secret) VALUES (%s, 'secret')", f"pu_{name}")
    retention = PostgresRetention(pool, 7)
    assert await erased(retention, AT + timedelta(days=30)) == {"client secrets": 1}
    assert await run(pool, "SELECT purchase_id FROM checkouts") == [("pu_open",)]
    assert await erased(retention, AT + timedelta(days=31)) == {"webhooks": 1}
    assert await run(pool, "SELECT event_id FROM webhook_inbox") == [("evt_waiting",)]


def test_a_sealed_value_differs_each_time() -> None:
    """Equal values of two rows do not show that they are equal."""
    one, two = (Sealing(KEYS, SECRET).row("bu_1", "default", ANN) for _ in range(2))
    assert [one[column] == two[column] for column in ("name", "email", "wallet", "lookup")] == [False] * 3 + [True]
    assert len(base64.b64decode(str(one["name"]))) == len("Ann Buyer") + 12 + 16


async def test_purchases_are_found_by_their_buyer(buyers: Buyers) -> None:
    """By e-mail address in any spelling, or by all words of a name, of one tenant, up to a limit."""
    await keep(buyers, "bu_1", ANN, "pu_1")
    await keep(buyers, "bu_2", PersonalData("Bob  BUYER", "bob@example.org"), "pu_2")
    await keep(buyers, "bu_3", PersonalData("Zoë O'Neil"), "pu_3")

    async def found(tenant_id: str = "default", limit: int = 9, **wanted: str) -> set[str]:
        email, name = wanted.get("email"), wanted.get("name")
        return set(await buyers.purchases_of(tenant_id, email=email, name=name, limit=limit))

    assert await found(email="ANN+x@example.org") == {"pu_1"}
    assert await found(name="buyer") == {"pu_1", "pu_2"}
    assert await found(name="Buyer, Ann") == {"pu_1"}
    assert await found(name="zoe o neil") == {"pu_3"}
    assert await found(name="ann bob") == await found(name=" - ") == await found(email="eve@example.org") == set()
    assert await found("other", name="ann") == await found("other", email="ann@example.org") == set()
    assert len(await found(name="buyer", limit=1)) == 1


async def test_a_corrected_buyer_is_found_and_counted_under_the_new_address(buyers: Buyers) -> None:
    """The old address leads nowhere, and what was bought counts for the new one."""
    first = await keep(buyers, "bu_1", ANN_BY_EMAIL, "pu_1")
    kept = await buyers.read("bu_1")
    assert kept is not None
    new = PersonalData("Ann B", "ann.b@example.org")
    await buyers.correct(kept, new)
    found = await buyers.read("bu_1")
    assert found is not None
    assert found.personal == new
    assert await buyers.purchases_of("default", email="ann@example.org", name=None, limit=9) == []
    assert await buyers.purchases_of("default", email=None, name="b ann", limit=9) == ["pu_1"]
    assert await keep(buyers, "bu_2", PersonalData(email="ann.b@example.org"), "pu_2") == first
    assert await keep(buyers, "bu_3", ANN_BY_EMAIL, "pu_3") != first
