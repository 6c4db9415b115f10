"""The files that tokens on chain point to, under the path of an IPFS gateway: the name is the hash of the content."""

from typing import Annotated, Any

from fastapi import Header, Path, Response

from api.http.guard import guarded_router, public
from api.http.problems import NOT_FOUND, may_answer, not_found
from api.http.requests import Deps

router = guarded_router(prefix="/ipfs", tags=["metadata"])
CID_PATTERN = "^bafkrei[a-z2-7]{52}$"
FOREVER = "public, max-age=31536000, immutable"
# A picture is no page: no script of it runs, and nothing is loaded, even where a browser opens it by itself.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
DOCUMENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in ("name", "symbol", "description", "image", "external_url")},
        "attributes": {"type": "array", "items": {"type": "object"}},
        "properties": {"type": "object"},
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; a HEAD request gets the headers alone.",
        "content": {
            "application/json": {"schema": DOCUMENT},
            "image/svg+xml": {"schema": {"type": "string"}},
        },
    },
    304: {"description": "The file of the `If-None-Match`: it never changes."},
}
Cid = Annotated[
    str,
    Path(
        pattern=CID_PATTERN,
        description="CIDv1 of the file: raw bytes, SHA-256.",
        examples=["bafkreide5semuafsnds3ugrvm6fbwuyw2ijpj43gwjdxemstjkfozi37hq"],
    ),
]
Known = Annotated[
    str, Header(alias="If-None-Match", max_length=1000, description="ETag of a copy.", examples=['"bafkrei..."'])
]


@router.get("/{cid}", openapi_extra=may_answer(NOT_FOUND), response_class=Response, responses=ANSWERS)
@public
async def read_file(cid: Cid, deps: Deps, if_none_match: Known = "") -> Response:
    """Return a picture or a document of tokens; anybody can check that its SHA-256 is its name."""
    found = await deps.queries.file(cid)
    if found is None:
        raise not_found("file", cid)
    etag = f'"{cid}"'
    headers = {
        "Cache-Control": FOREVER,
        "ETag": etag,
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag",
        "Content-Security-Policy": PICTURE_POLICY,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Ipfs-Path": f"/ipfs/{cid}",
    }
    if _has(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(found["content"], media_type=found["media_type"], headers=headers)


def _has(known: str, etag: str) -> bool:
    """Return whether a list of ETags names this one, weak or not, or any."""
    given = {one.strip().removeprefix("W/") for one in known.split(",")}
    return bool(given & {etag, "*"})
