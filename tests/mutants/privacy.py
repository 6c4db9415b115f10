"""Seeded bugs of personal data, its keys and its logs."""

from tests.mutants.mutant import Mutant

BUYERS = "tests/contract/test_buyers.py"
ROUTES = "tests/api/routes/test_buyers.py"
CODEC = "tests/workflows/test_codec.py"

PRIVACY = (
    Mutant(
        "an erasure leaves no event",
        "activities/sales/erase_buyer.py",
        "        if kept:\n            await self._store.commit(decide)\n",
        "",
        f"{ROUTES}::test_a_buyer_is_exported_and_erased",
    ),
    Mutant(
        "the lookup of a person needs no secret",
        "adapters/privacy/buyers.py",
        "hmac.new(self._lookup_secret, text.encode()",
        'hmac.new(b"", text.encode()',
        f"{BUYERS}::test_a_lookup_without_the_secret_finds_nobody",
    ),
    Mutant(
        "a sealed value opens in any row",
        "adapters/privacy/buyers.py",
        'return f"buyers/{column}/{buyer_id}".encode()',
        'return f"buyers/{column}".encode()',
        f"{BUYERS}::test_a_stolen_table_tells_nobody",
    ),
    Mutant(
        "the digest of a request has the buyer in it",
        "api/routes/purchases.py",
        'body.model_dump(mode="json", exclude={"buyer"})',
        'body.model_dump(mode="json")',
        f"{ROUTES}::test_nothing_in_the_events_depends_on_the_buyer",
    ),
    Mutant(
        "a repeat with another buyer is accepted",
        "api/routes/purchases.py",
        "    if first is not None and first.personal != personal:\n",
        "    if first is None and personal is None:\n",
        f"{ROUTES}::test_a_repeat_is_recognised_before_and_after_the_erasure",
    ),
    Mutant(
        "an open purchase loses its buyer",
        "adapters/privacy/buyers.py",
        "            if open_one := await cursor.fetchone():\n",
        "            if (open_one := await cursor.fetchone()) and False:\n",
        f"{BUYERS}::test_a_buyer_of_an_open_purchase_is_not_erased[postgres]",
    ),
    Mutant(
        "the retention deletes the buyer of a refund under way",
        "adapters/privacy/retention.py",
        " AND coalesce(p.doc->>'refund_state', 'none') <> 'refunding'",
        "",
        f"{BUYERS}::test_retention_deletes_a_buyer_after_the_show",
    ),
    Mutant(
        "a replay sends every event whose entry is past",
        "adapters/postgres/webhooks.py",
        "greatest(%(begins_after)s, (SELECT f.forgotten",
        "greatest(%(begins_after)s, (SELECT 0 * f.forgotten",
        "tests/contract/test_past_logs.py::test_a_replay_sends_nothing_else_for_the_lack_of_its_entry",
    ),
    Mutant(
        "the retention deletes entries that the endpoint is not beyond",
        "adapters/privacy/retention.py",
        " AND d.position <= p.position)",
        ")",
        "tests/contract/test_past_logs.py::test_past_entries_go_once_their_endpoint_is_beyond_them",
    ),
    Mutant(
        "failures are not encrypted",
        "adapters/temporal/connect.py",
        "        failure_converter_class=EncodedPlainAnswers,\n",
        "",
        f"{CODEC}::test_a_failure_is_encrypted_with_its_message",
    ),
    Mutant(
        "the access log has the path as it came",
        "api/http/access_log.py",
        'getattr(scope.get("route"), "path", None)',
        'scope["path"]',
        "tests/api/http/test_access_log.py::test_unknown_paths_and_bugs_are_logged",
    ),
)
