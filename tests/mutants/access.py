"""Seeded bugs of the guard and of what exists for an actor."""

from tests.mutants.mutant import Mutant

GUARD = "tests/api/http/test_guard.py"
UNIT = "tests/domain/core/test_unit_of_work.py"
QUERIES = "tests/contract/test_queries.py::test_what_is_somebody_elses_does_not_exist"

ACCESS = (
    Mutant(
        "an open stream outlives its key",
        "api/routes/purchase_events.py",
        "        if not await is_still_admitted(request):\n            return False\n",
        "",
        "tests/api/routes/test_purchase_events.py::test_a_stream_ends_with_its_key",
    ),
    Mutant(
        "a route without a declaration is public",
        "api/http/guard.py",
        "access = getattr(endpoint, ACCESS, None)",
        "access = getattr(endpoint, ACCESS, Access(is_public=True))",
        f"{GUARD}::test_a_route_without_a_declaration_cannot_be_made",
    ),
    Mutant(
        "a route that changes prices is public",
        "api/routes/shows.py",
        '@needs("manage")\nasync def change_show(',
        "@public\nasync def change_show(",
        f"{GUARD}::test_only_these_operations_are_public",
    ),
    Mutant(
        "any key opens every route",
        "api/http/guard.py",
        "if access.is_public or subject.may(*access.scopes):",
        "if access.is_public or subject is not ANONYMOUS:",
        f"{GUARD}::test_nothing_is_done_for_a_stranger",
    ),
    Mutant(
        "the fast path answers before the guard",
        "api/http/fast_path.py",
        "    async def respond(self, scope: Scope",
        "    async def handle(self, scope: Scope",
        f"{GUARD}::test_nothing_is_done_for_a_stranger",
    ),
    Mutant(
        "a route names too wide a scope",
        "api/routes/venues.py",
        '@needs("manage")\nasync def register_venue(',
        '@needs("manage", "purchase")\nasync def register_venue(',
        "tests/docs/test_docs_pages.py::test_a_page_in_docs_is_of_this_code",
    ),
    Mutant(
        "a token opens every purchase",
        "api/http/guard.py",
        "    return hmac.compare_digest(token.encode()",
        "    return bool(token) or hmac.compare_digest(token.encode()",
        f"{GUARD}::test_the_token_is_of_one_purchase",
    ),
    Mutant(
        "another tenant's things exist",
        "domain/core/actor.py",
        "if self.tenant_id and tenant_id is not None and tenant_id != self.tenant_id:",
        "if self.tenant_id and tenant_id is None:",
        f"{UNIT}::test_what_is_somebody_elses_does_not_exist_for_an_actor",
    ),
    Mutant(
        "another venue's tickets exist",
        "domain/core/unit_of_work.py",
        "if self._actor.venue_id and venue_id is None and show_id is not None:",
        "if not self._actor.venue_id and venue_id is None and show_id is not None:",
        f"{UNIT}::test_what_is_somebody_elses_does_not_exist_for_an_actor",
    ),
    Mutant(
        "the read models tell everyone everything",
        "adapters/read_models/queries.py",
        "return rows[0][0] if actor.may_see(owner.tenant_id, owner.venue_id) else None",
        "return rows[0][0]",
        QUERIES,
    ),
    Mutant(
        "events do not name their actor",
        "domain/core/unit_of_work.py",
        '                    vars(event)["by"] = actor.name\n',
        "                    pass\n",
        f"{UNIT}::test_the_events_of_a_decision_name_its_actor",
    ),
    Mutant(
        "a revoked key is accepted",
        "domain/access/api_key.py",
        "if self.revoked or (self.expires_at is not None and at >= self.expires_at):",
        "if self.expires_at is not None and at >= self.expires_at:",
        f"{GUARD}::test_a_key_ends_when_it_is_revoked_or_has_expired",
    ),
    Mutant(
        "a guessable key is taken under a publishable one",
        "api/routes/purchases.py",
        'if caller.kind == "publishable" and not RANDOM_KEY.fullmatch(key):',
        'if caller.kind != "publishable" and not RANDOM_KEY.fullmatch(key):',
        f"{GUARD}::test_under_a_publishable_key_only_a_random_key_is_taken",
    ),
)
