"""Fold the books' postings into lines, and venues' Stripe accounts into documents."""

from datetime import datetime

from adapters.read_models.catalog import Fold, identity_of, opens, sets
from adapters.read_models.documents import ACCOUNTS, PAYEES, PURCHASES, DocumentBatch
from domain.core.aggregate import DomainEvent
from domain.money.books import TICKET_UNIT, TransactionPosted, venue_payable
from domain.money.statement import Entry
from domain.payouts.payee import AccountChanged, AccountConnected, PayeeNamed
from domain.views.payouts import AccountOwner


def _posted(documents: DocumentBatch, event: TransactionPosted, position: int) -> None:
    for number, posting in enumerate(event.postings):
        sides = (posting["debit"], posting["credit"], posting["amount"], posting["unit"])
        documents.postings.append(Entry(position, number, *_about(event), *sides))
    if event.kind == "sale" and all(posting["unit"] == TICKET_UNIT for posting in event.postings):
        _free_order(documents, event, position)


def _about(event: TransactionPosted) -> tuple[str, str, str, datetime]:
    return event.identity, event.purchase_id, event.kind, event.timestamp


def _free_order(documents: DocumentBatch, event: TransactionPosted, position: int) -> None:
    """Add the line of an order that moved no money, so that its venue's statement has it."""
    purchase = documents.find(PURCHASES, event.purchase_id)
    if purchase and purchase["venue_id"] and (price := purchase["price"]):
        account, number = venue_payable(purchase["venue_id"]), len(event.postings)
        documents.postings.append(Entry(position, number, *_about(event), "", account, 0, price["currency"]))


def _connected(documents: DocumentBatch, event: AccountConnected, _: int) -> None:
    if payee := documents.edit(PAYEES, identity_of(event)):
        payee["account_id"] = event.account_id
        owner: AccountOwner = {"tenant_id": payee["tenant_id"], "venue_id": payee["venue_id"]}
        documents.put(ACCOUNTS, event.account_id, owner)


BOOKS_FOLDS: dict[type[DomainEvent], Fold] = {
    PayeeNamed: opens(PAYEES, venue_id=identity_of, account_id=None, may_receive=False, may_pay_out=False, asked_for=0),
    AccountConnected: _connected,
    AccountChanged: sets(PAYEES, "may_receive", "may_pay_out", "asked_for"),
    TransactionPosted: _posted,
}
