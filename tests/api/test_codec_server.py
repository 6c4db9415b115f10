"""The codec server decodes payloads for those who may, as Temporal's web UI asks it to."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads

from adapters.privacy.keyring import Keyring
from adapters.temporal.codec import EncryptingCodec
from api.codec_server import BODY_BYTES_MAX, check_settings, create_codec_app
from settings.groups import CodecServerSettings

KEYS = {"k1": bytes(32)}
CODEC = EncryptingCodec(Keyring(KEYS))
TOKEN, ORIGIN = "a-token-of-thirty-two-characters-or-more", "http://web.ui"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"a purchase"')
BEARER = {"Authorization": f"Bearer {TOKEN}", "X-Namespace": "default"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_codec_app(CODEC, TOKEN, ORIGIN))
    async with httpx.AsyncClient(transport=transport, base_url="http://codec") as client:
        yield client


async def asked(client: httpx.AsyncClient, path: str, *payloads: Payload) -> httpx.Response:
    return await client.post(path, json=MessageToDict(Payloads(payloads=payloads)), headers=BEARER)


async def test_it_decodes_and_encodes(client: httpx.AsyncClient) -> None:
    """A payload is JSON with its values in base64; a plain one is left as it is."""
    [sealed] = await CODEC.encode([PLAIN])
    answer = (await asked(client, "/decode", sealed, PLAIN)).json()["payloads"]
    assert [base64.b64decode(one["data"]) for one in answer] == [PLAIN.data, PLAIN.data]
    encoded = await asked(client, "/encode", PLAIN)
    again = await client.post("/decode", json=encoded.json(), headers=BEARER)
    assert base64.b64decode(again.json()["payloads"][0]["data"]) == PLAIN.data
    assert PLAIN.data.decode() not in encoded.text


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'operator:{password}'.encode()).decode()}"


async def test_a_browser_signs_in_with_the_token_as_its_password(client: httpx.AsyncClient) -> None:
    """The web UI's calls then carry it: it cannot send a bearer token of its own."""
    assert (await client.get("/")).status_code == 401
    assert (await client.get("/", headers={"Authorization": basic(TOKEN)})).status_code == 200
    answer = await client.post("/decode", json={}, headers={"Authorization": basic(TOKEN), "Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Credentials"]) == (200, "true")


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", f"Basic {TOKEN}", basic("wrong"), "Basic ÿ", "Bearer ", TOKEN]
)
async def test_nobody_else_gets_anything(client: httpx.AsyncClient, header: str | None) -> None:
    """Without the token it is 401, whatever the body."""
    headers = [(b"Authorization", header.encode("latin-1"))] if header else []
    for path in ("/decode", "/encode"):
        answer = await client.post(path, json={}, headers=headers)
        assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (401, True)


async def test_only_the_web_ui_may_call_it_from_a_browser(client: httpx.AsyncClient) -> None:
    """Its preflight needs no token and is answered for its own origin alone."""
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-namespace"}
    ours = await client.options("/decode", headers={**asking, "Origin": ORIGIN})
    assert (ours.status_code, ours.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    other = await client.options("/decode", headers={**asking, "Origin": "http://elsewhere"})
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_what_it_cannot_read_is_told(client: httpx.AsyncClient) -> None:
    """Bad JSON, a broken payload, a key that it does not have, a body that is too long."""
    [sealed] = await CODEC.encode([PLAIN])
    [foreign] = await EncryptingCodec(Keyring({"k2": bytes(32)})).encode([PLAIN])
    broken = Payload(metadata=sealed.metadata, data=sealed.data[:-1])
    unreadable = await asked(client, "/decode", foreign)
    assert (unreadable.status_code, "k2" in unreadable.text) == (422, True)
    assert (await asked(client, "/decode", broken)).status_code == 422
    for content in (b"{", b"\xff", b'{"payloads":1}'):
        assert (await client.post("/decode", content=content, headers=BEARER)).status_code == 400
    long = await client.post("/decode", content=b" " * (BODY_BYTES_MAX + 1), headers=BEARER)
    assert long.status_code == 413


def test_it_does_not_start_without_a_key_or_behind_a_short_token() -> None:
    """Each fault names its setting."""
    check_settings(CodecServerSettings(token=SecretStr(TOKEN)), KEYS)
    with pytest.raises(SystemExit, match="CODEC_KEYS"):
        check_settings(CodecServerSettings(token=SecretStr(TOKEN)), {})
    with pytest.raises(SystemExit, match="TOKEN"):
        check_settings(CodecServerSettings(token=SecretStr("short")), KEYS)
