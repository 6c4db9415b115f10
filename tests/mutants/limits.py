"""Seeded bugs of the limits on callers: each limit off."""

from tests.mutants.mutant import Mutant

BODIES = "tests/api/http/limits/test_body.py"
CONNECTIONS = "tests/api/http/limits/test_connections.py"
DECLARED = "tests/api/http/limits/test_declared.py"
RATES = "tests/api/http/limits/test_rates.py"
MANNERS = "tests/api/http/test_manners.py"

SHARES = "tests/domain/stock/test_shares.py"
BUYERS = "tests/api/routes/test_buyer_shares.py"

LIMITS = (
    Mutant(
        "a client has no share",
        "domain/stock/shares.py",
        "        if held and held + quantity > most:\n",
        "        if held and held + quantity < most:\n",
        f"{BUYERS}::test_a_client_that_makes_up_names_has_a_share_too",
    ),
    Mutant(
        "holds without a named buyer have no share",
        "domain/stock/shares.py",
        "        if not holder.is_named and self.unnamed + quantity > most:\n",
        "        if not holder.is_named and quantity > capacity:\n",
        f"{BUYERS}::test_one_anonymous_client_cannot_hold_more_than_its_share",
    ),
    Mutant(
        "the share of the seats that a release frees stays taken",
        "domain/stock/shares.py",
        "            self.unnamed += quantity\n",
        "            self.unnamed += max(quantity, 0)\n",
        f"{SHARES}::test_sold_and_released_seats_count_no_more",
    ),
    Mutant(
        "a wallet beside an e-mail address does not count",
        "domain/orders/personal_data.py",
        "return email if self.wallet is None else (*email, self.wallet)",
        "return email if self.wallet is None or email else (self.wallet,)",
        f"{BUYERS}::test_an_e_mail_address_and_a_wallet_both_count",
    ),
    Mutant(
        "what cannot be seen makes another buyer",
        "domain/stock/person.py",
        "    if IGNORABLE.search(address) or any(",
        "    if IGNORABLE.search(address) and any(",
        "tests/domain/stock/test_person.py::test_what_cannot_be_seen_is_refused",
    ),
    Mutant(
        "no limit on requests per minute",
        "api/http/limits/rates.py",
        "        if await self._limiter.hit(limit, whose):\n",
        "        if await self._limiter.hit(limit, whose) or True:\n",
        f"{RATES}::test_beyond_the_limit_of_an_address_the_answer_is_429",
    ),
    Mutant(
        "the limit of an address is not installed",
        "api/app.py",
        "    app.add_middleware(LimitedAddress, limits=limits, check=deps.check_rate)\n",
        "",
        f"{DECLARED}::test_beyond_the_count_of_its_route_a_request_is_429",
    ),
    Mutant(
        "the limit of a body is not installed",
        "api/app.py",
        "    app.add_middleware(LimitedBody, limits=limits)\n",
        "",
        f"{DECLARED}::test_a_body_beyond_the_limit_of_its_route_is_413",
    ),
    Mutant(
        "the time of a read is not installed",
        "api/app.py",
        "    app.add_middleware(TimeLimit, limits=limits)\n",
        "",
        f"{DECLARED}::test_a_read_beyond_its_time_is_503",
    ),
    Mutant(
        "every route is counted as the API",
        "api/http/limits/declared.py",
        "        return Effective(bytes_max, declared.rate, seconds if method in READS else None)\n",
        '        return Effective(bytes_max, "api", seconds if method in READS else None)\n',
        f"{DECLARED}::test_beyond_the_count_of_its_route_a_request_is_429",
    ),
    Mutant(
        "a route behind another gives the limits",
        "api/http/limits/declared.py",
        "self._known[method, path] = None",
        "self._known[method, path] = self._effective(limits_of(endpoint), method)",
        f"{DECLARED}::test_the_first_route_that_matches_gives_the_limits",
    ),
    Mutant(
        "anybody's forwarded address is believed",
        "api/main.py",
        "        forwarded_allow_ips=list(proxies),\n",
        '        forwarded_allow_ips="*",\n',
        f"{RATES}::test_a_forwarded_address_is_believed_from_a_trusted_proxy_only[192.0.2.9-expected1]",
    ),
    Mutant(
        "a declared length is not compared",
        "api/http/limits/body.py",
        "        if declared is not None and declared > bytes_max:\n",
        "        if declared is not None and declared < 0:\n",
        f"{BODIES}::test_the_declared_length_is_refused_unread",
    ),
    Mutant(
        "a chunked body has no limit",
        "api/http/limits/body.py",
        "        if self._bytes_left >= 0:\n",
        "        if self._bytes_left is not None:\n",
        f"{BODIES}::test_a_body_beyond_the_limit_is_413[True]",
    ),
    Mutant(
        "connections are not counted",
        "api/http/limits/connections.py",
        "        if len(self.connections) > self.limits.connections_max:\n",
        "        if len(self.connections) < 0:\n",
        f"{CONNECTIONS}::test_a_connection_too_many_is_429_and_closed",
    ),
    Mutant(
        "each byte of a body renews its time",
        "api/http/limits/connections.py",
        "        super().data_received(data)\n",
        "        self._end_timer()\n        super().data_received(data)\n",
        f"{CONNECTIONS}::test_a_body_that_arrives_too_slowly_is_408",
    ),
    Mutant(
        "answers with secrets may be stored",
        "api/http/manners.py",
        "        ours.append(NO_STORE)\n",
        "        ours.append(NO_SNIFF)\n",
        f"{MANNERS}::test_head_of_an_event_stream_ends",
    ),
)
