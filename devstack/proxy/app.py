"""HTTP API that controls the proxy's routes, on its own loopback port."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from fastapi import APIRouter, FastAPI, HTTPException

from devstack.proxy.route import NetworkConditions, Route, RouteStatus


def create_app(routes: Sequence[Route]) -> FastAPI:
    """Build the control API of these routes; they listen while it runs."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for route in routes:
            await route.open()
        yield
        for route in routes:
            await route.close()
            route.cut()

    app = FastAPI(title="Faulty network", lifespan=lifespan, openapi_url=None)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(control_routes({route.name: route for route in routes}))
    return app


def control_routes(by_name: Mapping[str, Route]) -> APIRouter:
    """Return the control API's routes."""
    router = APIRouter()

    def named(name: str) -> Route:
        if name not in by_name:
            raise HTTPException(404, f"no route named {name}")
        return by_name[name]

    @router.get("/routes")
    async def status() -> dict[str, RouteStatus]:
        return {name: route.status for name, route in by_name.items()}

    @router.post("/routes/{name}")
    async def change(name: str, conditions: NetworkConditions) -> RouteStatus:
        route = named(name)
        await route.set_conditions(conditions)
        return route.status

    @router.post("/routes/{name}/cut")
    async def cut(name: str) -> dict[str, int]:
        return {"cut": named(name).cut()}

    @router.post("/reset")
    async def reset() -> dict[str, RouteStatus]:
        for route in by_name.values():
            await route.set_conditions(NetworkConditions())
        return {name: route.status for name, route in by_name.items()}

    return router
