"""The states of a purchase, as clients see them, in the order in which it takes them."""

from typing import Literal, get_args

PurchaseState = Literal[
    "requested",
    "reserving",
    "awaiting-payment",
    "cancelling",
    "confirming",
    "confirmed",
    "fulfilled",
    "cancelled",
    "refused",
]
FORWARD: tuple[PurchaseState, ...] = get_args(PurchaseState)
UNOPENED: frozenset[PurchaseState] = frozenset({"requested", "reserving"})  # the checkout is not open yet
SOLD: frozenset[PurchaseState] = frozenset({"confirmed", "fulfilled"})
UNSOLD: frozenset[PurchaseState] = frozenset({"cancelled", "refused"})
ENDED: frozenset[PurchaseState] = UNSOLD | {"fulfilled"}
UNENDED: tuple[str, ...] = tuple(state for state in FORWARD if state not in ENDED)
