"""The production API on h11 and the plain event loop, to measure what httptools and uvloop save."""

import asyncio
from typing import Any

from api import main


def _h11(_: Any) -> str:
    """Return the name of the protocol in place of the limited one."""
    return "h11"


if __name__ == "__main__":
    vars(main).update(limited_by=_h11, uvloop=asyncio)
    main.main()
