"""The production API on h11 and the plain event loop, to measure what httptools and uvloop save."""

import asyncio

from api import main

if __name__ == "__main__":
    vars(main).update(limited_by=lambda _: "h11", uvloop=asyncio)
    main.main()
