"""How every connection to PostgreSQL is opened: as its URL says, with session options and defaults of ours added."""

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CONNECT_SECONDS = 5


def conninfo_of(url: str, options: str = "") -> str:
    """Return a URL as a connection string for libpq: every parameter of the URL is kept.

    `options` come after the URL's own, so that ours hold where both set the same; a connection attempt ends after
    `CONNECT_SECONDS` unless the URL says otherwise. Nothing else may be passed to psycopg beside it: a keyword would
    replace what the URL says.
    """
    given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    given["options"] = " ".join(part for part in (given.get("options"), options) if part)
    return make_conninfo("", **{"connect_timeout": str(CONNECT_SECONDS), **given})
