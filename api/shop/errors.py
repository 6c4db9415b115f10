"""Problems as pages: what the API answers as problem details, a person reads as a sentence."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse

from api.http.guard import ACCESS
from api.http.problems import URN, Problem
from api.shop.render import page
from domain.core.errors import Refusal
from domain.core.transient import TransientError

PAGE = "__page__"
SIGN_IN = "/venue/sign-in"
SENTENCES = {
    "sold-out": "These tickets have just been sold, or are in somebody's basket. Seats come back when a basket"
    " runs out: try again in a few minutes.",
    "not-on-sale": "This show is not on sale at the moment.",
    "price-changed": "The price has changed since you opened the page. Have a look at the new one before you buy.",
    "buyer-limit": "You have as many tickets for this show as one person may buy.",
    "buyer-name-needed": "This show sells to named buyers: please give your e-mail address.",
    "client-share": "Too many tickets of this show are held at your address. Pay or cancel one of those orders first.",
    "not-found": "There is nothing at this address. If it is your order, use the link that you were given.",
    "rate-limited": "That was a little fast. Wait a moment and try again.",
    "busy": "Very many people are buying right now. Nothing was taken from you: try again in a moment.",
    "try-again": "A part of the system is unavailable. Nothing is lost: try again in a moment.",
    "cancel-too-late": "Your payment has gone through, so it is too late to cancel. You can ask for a refund.",
    "refund-too-late": "The time to give tickets back is over. Please write to the organiser.",
    "payment-refused": "The payment was refused. You pay nothing.",
    "discount-refused": "This discount code cannot be used for these tickets.",
    "refund-exceeds": "There is nothing left to give back.",
    "ticket-redeemed": "A ticket that was used for entry cannot be given back here. Ask the organiser.",
    "payment-disputed": "Your bank is asking about this payment, so it cannot be refunded as well.",
    "minting-unfunded": "The sale pauses for a moment. Try again soon.",
}
E = TypeVar("E", bound=Callable[..., Any])
ErrorHandler = Callable[[Request, Exception], Awaitable[Response] | Response]


def is_page(endpoint: E) -> E:
    """Declare that an endpoint answers with pages, also where it refuses."""
    setattr(endpoint, PAGE, True)
    return endpoint


def install(app: FastAPI) -> None:
    """Show the problems of pages as pages; the handlers of problems must be there already."""
    for kind in (Problem, Refusal, TransientError, RequestValidationError):
        app.add_exception_handler(kind, _as_page(app.exception_handlers[kind]))


def _as_page(handler: ErrorHandler) -> ErrorHandler:
    async def shown(request: Request, error: Exception) -> Response:
        answered = handler(request, error)
        response = answered if isinstance(answered, Response) else await answered
        endpoint = request.scope.get("endpoint")
        if not getattr(endpoint, PAGE, False):
            return response
        by_session = response.status_code == HTTPStatus.UNAUTHORIZED and getattr(endpoint, ACCESS).by_session
        return RedirectResponse(SIGN_IN, 303) if by_session else problem_page(response)

    return shown


def problem_page(response: Response) -> Response:
    """Return a problem as a page with the same status."""
    problem = json.loads(bytes(response.body))
    code = problem["type"].removeprefix(URN)
    sentence = SENTENCES.get(code, problem["detail"])
    fields = [f"{error['where'][-1]}: {error['why']}" for error in problem.get("errors", ()) if error["where"]]
    return page("problem.html", response.status_code, sentence=sentence, fields=fields, code=code)
