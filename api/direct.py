"""A route that reads its request itself: for what a rush asks, thousands of times a second.

FastAPI finds out anew with each request what its route needs; this costs more than the answer that a show is sold out.
"""

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from api.problems import refusal_answer
from api.requests import KEY
from domain.refusals import Refusal

JSON = "application/json"


class DirectRoute(APIRoute):
    """A route of `(body, key, parts)`, documented as any other; a request that is not plainly good goes FastAPI's way.

    So every complaint about a request is FastAPI's own, word for word.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler: body and key are read here, and a refusal is answered where it comes up."""
        ordinary = super().get_route_handler()
        answer_to, shape = self.endpoint, get_type_hints(self.endpoint)["body"]

        async def handler(request: Request) -> Response:
            key = request.headers.get("idempotency-key", "")
            if not KEY.fullmatch(key) or request.headers.get("content-type") != JSON:
                return await ordinary(request)
            try:
                body: BaseModel = shape.model_validate_json(await request.body())
            except ValidationError:
                return await ordinary(request)
            try:
                answer: Response = await answer_to(body, key, request.app.state.parts)
            except Refusal as refusal:
                return refusal_answer(refusal)
            return answer

        return handler
