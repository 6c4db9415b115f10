"""The proxy's control: a small HTTP API on a loopback port of its own."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from fastapi import APIRouter, FastAPI, HTTPException

from devstack.proxy.route import Route, Standing, Weather


def create_app(routes: Sequence[Route]) -> FastAPI:
    """Build the control of these routes; they listen while it runs."""

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

    app.include_router(switchboard({route.name: route for route in routes}))
    return app


def switchboard(by_name: Mapping[str, Route]) -> APIRouter:
    """Return the switches of these routes."""
    router = APIRouter()

    def named(name: str) -> Route:
        if name not in by_name:
            raise HTTPException(404, f"there is no route {name}")
        return by_name[name]

    @router.get("/routes")
    async def standing() -> dict[str, Standing]:
        return {name: route.standing for name, route in by_name.items()}

    @router.post("/routes/{name}")
    async def change(name: str, weather: Weather) -> Standing:
        route = named(name)
        await route.become(weather)
        return route.standing

    @router.post("/routes/{name}/cut")
    async def cut(name: str) -> dict[str, int]:
        return {"cut": named(name).cut()}

    @router.post("/calm")
    async def calm() -> dict[str, Standing]:
        for route in by_name.values():
            await route.become(Weather())
        return {name: route.standing for name, route in by_name.items()}

    return router
