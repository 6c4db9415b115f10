"""Buys with the generated Python client; prints what each answer is. Runs in the environment of the client."""

import json
import sys
from uuid import uuid4

from boxoffice_client import AuthenticatedClient
from boxoffice_client.api.purchases import buy_tickets
from boxoffice_client.models.buy_tickets_409_problem import BuyTickets409Problem
from boxoffice_client.models.buy_tickets_422_problem import BuyTickets422Problem
from boxoffice_client.models.checkout import Checkout
from boxoffice_client.models.item_body import ItemBody
from boxoffice_client.models.purchase_body import PurchaseBody

given = json.loads(sys.argv[1])


def ask(url: str, quantity: int, key: str) -> None:
    item = ItemBody(ticket_type_id=given["ticket_type_id"], quantity=quantity)
    body = PurchaseBody(show_id=given["show_id"], items=[item])
    client = AuthenticatedClient(base_url=url, token=given["key"])
    answer = buy_tickets.sync_detailed(client=client, body=body, idempotency_key=key)
    match answer.parsed:
        case Checkout() as checkout:
            print(int(answer.status_code), checkout.state.value, checkout.price.total_minor)
        case BuyTickets409Problem() as problem:
            print(int(answer.status_code), problem.type_.value, problem.values.additional_properties["available"])
        case BuyTickets422Problem() as problem:
            print(int(answer.status_code), problem.type_.value, problem.errors[0].where[-1])
        case other:
            raise SystemExit(f"not understood: {other!r}")


key = str(uuid4())
ask(given["url"], 1, key)
ask(given["url"], 1, key)
ask(given["waiting_url"], 1, str(uuid4()))
ask(given["url"], 9, str(uuid4()))
ask(given["url"], 0, str(uuid4()))
