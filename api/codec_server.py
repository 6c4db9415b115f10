"""Front door: decodes payloads for Temporal's web UI and CLI. `python -m api.codec_server`."""

import base64
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from temporalio.api.common.v1 import Payload, Payloads

from adapters.privacy.keyring import KeyMissingError, Keyring, SealBrokenError
from adapters.telemetry.logs import start_logs
from adapters.temporal.codec import EncryptingCodec
from settings.check import settings_of
from settings.groups import CodecServerSettings
from settings.values import SECRET_CHARS_MIN, keys_of

BODY_BYTES_MAX = 4 * 1024 * 1024  # Temporal's own limit of a message
Convert = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


def create_codec_app(codec: EncryptingCodec, token: str, origin: str) -> FastAPI:
    """Return the app with `POST /encode` and `POST /decode` of payloads, for those who have the token.

    Temporal's CLI sends it as a bearer token. The web UI cannot: the browser sends it as the password of a user who
    signed in at `GET /`.
    """

    async def authorised(request: Request) -> None:
        if not _is_authorised(request.headers.get("Authorization", ""), token):
            raise HTTPException(401, "this server needs its token", {"WWW-Authenticate": 'Basic realm="codec server"'})

    app = FastAPI(openapi_url=None, dependencies=[Depends(authorised)])
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin],
        allow_credentials=True,  # the browser sends the token that the user signed in with
        allow_methods=["POST"],
        allow_headers=["Authorization", "Content-Type", "X-Namespace"],
    )

    @app.get("/")
    async def sign_in() -> PlainTextResponse:
        """Let a browser ask for the token and keep it for the web UI."""
        return PlainTextResponse("signed in; the web UI can decode now")

    @app.post("/encode")
    async def encode(request: Request) -> dict[str, Any]:
        return await _converted(request, codec.encode)

    @app.post("/decode")
    async def decode(request: Request) -> dict[str, Any]:
        return await _converted(request, codec.decode)

    return app


def _is_authorised(header: str, token: str) -> bool:
    """Return whether a header has the token, as a bearer token or as the password of any user."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:  # neither base64 nor UTF-8
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), token.encode())


async def _converted(request: Request, convert: Convert) -> dict[str, Any]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"a body has at most {BODY_BYTES_MAX} bytes")
    try:
        payloads = Parse(body, Payloads())
        return MessageToDict(Payloads(payloads=await convert(payloads.payloads)))
    except (ParseError, UnicodeDecodeError):
        raise HTTPException(400, "the body is not a list of payloads in JSON") from None
    except (KeyMissingError, SealBrokenError) as error:
        raise HTTPException(422, str(error)) from None


def check_settings(settings: CodecServerSettings, keys: dict[str, bytes]) -> None:
    """Refuse to serve without a key or behind a short token."""
    if not keys:
        raise SystemExit("BOXOFFICE_TEMPORAL__CODEC_KEYS is empty: set the keys that the workers encrypt with")
    if len(settings.token.get_secret_value()) < SECRET_CHARS_MIN:
        raise SystemExit(
            f"BOXOFFICE_CODEC_SERVER__TOKEN has fewer than {SECRET_CHARS_MIN} characters: set a longer one"
        )


def main() -> None:
    """Read the settings and serve."""
    settings = settings_of("codec-server")
    start_logs(settings.telemetry.log_format, settings.telemetry.log_level)
    server, keys = settings.codec_server, keys_of(settings.temporal.codec_keys)
    check_settings(server, keys)
    app = create_codec_app(EncryptingCodec(Keyring(keys)), server.token.get_secret_value(), server.origin)
    uvicorn.run(app, host=server.host, port=server.port, access_log=False, log_config=None)


if __name__ == "__main__":
    main()
