"""The control of every HTTP row: an empty route with the purchases' body model, header and exception handlers."""

import sys

import uvicorn
import uvloop
from fastapi import FastAPI

from adapters.runtime.gc_tuning import tune_gc
from api.http import problems
from api.http.requests import Key
from api.main import server_config
from api.routes.purchases import PurchaseBody

app = FastAPI(redirect_slashes=False)
problems.install(app)


@app.post("/api/v1/purchases", status_code=201)
async def buy(body: PurchaseBody, key: Key) -> dict[str, str]:
    """Parse the request and return."""
    return {"purchase_id": key, "show_id": body.show_id}


if __name__ == "__main__":
    tune_gc()
    uvloop.run(uvicorn.Server(server_config(app, "127.0.0.1", int(sys.argv[1]))).serve())
