"""Seeded bugs of the limits on callers: each limit off."""

from tests.mutants.mutant import Mutant

BODIES = "tests/api/http/test_body_limits.py"
CONNECTIONS = "tests/api/http/test_connections.py"
RATES = "tests/api/http/test_rate_limits.py"
MANNERS = "tests/api/http/test_manners.py"

LIMITS = (
    Mutant(
        "no limit on requests per minute",
        "api/http/rate_limits.py",
        "        if await self._limiter.hit(limit, whose):\n",
        "        if await self._limiter.hit(limit, whose) or True:\n",
        f"{RATES}::test_beyond_the_limit_of_an_address_the_answer_is_429",
    ),
    Mutant(
        "the limit of an address is not installed",
        "api/app.py",
        "    app.add_middleware(LimitedAddress, check=deps.check_rate)\n",
        "",
        f"{RATES}::test_the_fast_path_is_behind_the_limit",
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
        "api/http/body_limits.py",
        "        if _declared(scope) > bytes_max:\n",
        "        if _declared(scope) < 0:\n",
        f"{BODIES}::test_the_declared_length_is_refused_unread",
    ),
    Mutant(
        "a chunked body has no limit",
        "api/http/body_limits.py",
        "        if self._bytes_left < 0:\n",
        "        if self._bytes_left < 0 and self._deadline is None:\n",
        f"{BODIES}::test_a_body_beyond_the_limit_is_413[True]",
    ),
    Mutant(
        "every part of a body has the whole time",
        "api/http/body_limits.py",
        "        if self._deadline is None:\n",
        "        if self._seconds_max:\n",
        f"{BODIES}::test_a_body_that_arrives_too_slowly_is_408",
    ),
    Mutant(
        "connections are not counted",
        "api/http/connections.py",
        "        if len(self.connections) > self.limits.connections_max:\n",
        "        if len(self.connections) < 0:\n",
        f"{CONNECTIONS}::test_a_connection_too_many_is_429_and_closed",
    ),
    Mutant(
        "each byte of a head renews its time",
        "api/http/connections.py",
        "        super().data_received(data)\n",
        "        self._end_timer()\n        super().data_received(data)\n",
        f"{CONNECTIONS}::test_a_head_that_arrives_too_slowly_is_408[GET /hea]",
    ),
    Mutant(
        "answers with secrets may be stored",
        "api/http/manners.py",
        '        headers["Cache-Control"] = "no-store"\n',
        '        headers.setdefault("Cache-Control", "no-store")\n',
        f"{MANNERS}::test_head_of_an_event_stream_ends",
    ),
)
