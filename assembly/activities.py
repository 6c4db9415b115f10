"""The activities that a worker runs, with their adapters, by the queues that it polls."""

from collections.abc import Collection
from contextlib import AsyncExitStack

from activities.access.operator_acts import OperatorActivities
from activities.access.webhooks.deliver import WebhookActivities
from activities.books.post import BooksActivities
from activities.catalog.capacity import CapacityActivities, GroupSizeActivities
from activities.catalog.register import CatalogActivities
from activities.core.task_queues import IPFS, LETTERS, MINT, PURCHASES, STRIPE, WEBHOOKS
from activities.disputes.follow import DisputeActivities
from activities.payments.intent import PaymentActivities
from activities.payments.late_payments import LatePaymentActivities
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import ShowCancellationActivities
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.resale import ResaleActivities
from activities.registry import Activities, all_queues
from activities.sales.letters.send import LetterActivities
from activities.sales.order import SalesActivities
from activities.sales.ticket_api_holds import HoldActivities
from activities.tokens.burn import BurnActivities
from activities.tokens.claims.deliver import ClaimActivities
from activities.tokens.mint import MintActivities
from activities.tokens.pin import PinActivities
from activities.tokens.trees.owed import LeafActivities
from activities.tokens.trees.roots import RootActivities
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.http.kubo import KuboNode
from adapters.http.webhooks import HttpWebhookSender
from adapters.postgres.connections import Pool
from adapters.postgres.letters import PostgresLetters
from adapters.postgres.tables import PostgresCheckouts
from adapters.postgres.webhooks import PostgresDeliveries
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.endpoint_secrets import PostgresEndpointSecrets
from adapters.privacy.letters.smtp import MailSettings, SmtpMailServer
from adapters.privacy.letters.writer import ShopLinks, TemplateWriter
from adapters.privacy.ticket_codes import SealedCodes
from adapters.read_models.pending.follow_up import RelayQueries
from adapters.read_models.shows.cancellation import ShowCancellationQueries
from adapters.solana.keys import seed_of
from adapters.solana.rpc.pool import PATIENCE_SECONDS
from adapters.stripe.client import StripeClient
from adapters.stripe.connect import StripeConnect
from adapters.stripe.payments import StripePayments
from adapters.telemetry.chain import show_node
from adapters.temporal.metrics import show_refused_signature
from domain.core.ids import Deployment, Identity
from settings import Settings
from settings.chain import nodes_of, token_chain_of
from settings.letters import LetterSettings
from settings.values import keys_of


def stripe_client(settings: Settings, deployment: Deployment, closing: AsyncExitStack) -> StripeClient:
    """Open the connections to Stripe; `closing` closes them."""
    client = StripeClient(settings.stripe.api_key.get_secret_value(), deployment, base_url=settings.stripe.api_base)
    closing.push_async_callback(client.close)
    return client


def sealing_of(settings: Settings) -> Sealing:
    """Return how personal data is sealed."""
    return Sealing(*settings.privacy.sealing, strips_tag=settings.limits.tag_is_one_buyer)


def assemble(
    settings: Settings,
    deployment: Deployment,
    store: PostgresEventStore,
    pool: Pool,
    closing: AsyncExitStack,
    queues: Collection[str] | None = None,
) -> Activities:
    """Assemble the activities of these queues (None: all) with their adapters; `closing` closes the connections.

    Only the mint queue needs our keys on chain, and only the other two need Stripe's.
    """
    polled = frozenset(all_queues() if queues is None else queues)
    instances: list[object] = [
        OperatorActivities(store),
        SalesActivities(store),
        BooksActivities(store),
        CatalogActivities(store),
        HoldActivities(store),
        CapacityActivities(store),
        LeafActivities(store),
        ShowCancellationActivities(store, ShowCancellationQueries(pool)),
    ]
    if polled & {PURCHASES, STRIPE}:
        instances += at_stripe(settings, stripe_client(settings, deployment, closing), store, pool)
    if MINT in polled:
        instances += on_chain(settings, store, pool, closing)
    if IPFS in polled:
        instances.append(at_ipfs(settings, store, pool, closing))
    if WEBHOOKS in polled:
        instances.append(at_receivers(settings, store, pool))
    if LETTERS in polled:
        instances.append(at_mail(settings, deployment, store, pool))
    return Activities(*instances, queues=polled)


def at_receivers(settings: Settings, store: PostgresEventStore, pool: Pool) -> WebhookActivities:
    """Assemble the activities that call the receivers of webhooks."""
    secrets = PostgresEndpointSecrets(pool, settings.privacy.sealing[0])
    sender = HttpWebhookSender(allows_private=settings.webhooks.allow_private)
    return WebhookActivities(store, PostgresDeliveries(pool), secrets, sender, utc_now)


def at_mail(settings: Settings, deployment: Deployment, store: PostgresEventStore, pool: Pool) -> LetterActivities:
    """Assemble the activities that send letters to buyers."""
    secret = settings.deployment.secret.get_secret_value()  # a worker of this queue does not start without it
    identity = Identity(deployment.deployment_id, seed_of(secret) if secret else b"")
    links = ShopLinks(identity, settings.api.public_url, settings.shop.tenant)
    return LetterActivities(
        store,
        PostgresLetters(pool),
        PostgresBuyers(pool, sealing_of(settings)),
        SealedCodes.of(keys_of(settings.door.code_keys), identity),
        TemplateWriter(links),
        SmtpMailServer(mail_settings(settings.letters)),
        clock=utc_now,
    )


def mail_settings(letters: LetterSettings) -> MailSettings | None:
    """Return the mail server; None where letters are not sent."""
    if letters.address is None:
        return None
    host, _, port = letters.address.rpartition(":")
    password = letters.password.get_secret_value()
    return MailSettings(host.strip("[]"), int(port), letters.security, letters.sender, letters.user, password)


def at_stripe(settings: Settings, stripe: StripeClient, store: PostgresEventStore, pool: Pool) -> list[object]:
    """Assemble the activities that call Stripe."""
    gateway = StripePayments(stripe, settings.stripe.statement_suffix)
    receipts = PostgresBuyers(pool, sealing_of(settings)) if settings.stripe.receipt_email else None
    payments = PaymentActivities(store, gateway, PostgresCheckouts(pool), receipts)
    return [
        payments,
        DisputeActivities(store, gateway),
        PayoutActivities(store, StripeConnect(stripe, settings.api.public_url), RelayQueries(pool)),
        RefundActivities(store, gateway),
        LatePaymentActivities(store, gateway, payments),
    ]


def on_chain(settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack) -> list[object]:
    """Assemble the activities that sign with our keys."""
    buyers = PostgresBuyers(pool, sealing_of(settings))
    chain = token_chain_of(settings, nodes_of(settings, show_node, PATIENCE_SECONDS), show_refused_signature)
    closing.push_async_callback(chain.close)
    return [
        MintActivities(store, chain, buyers, chain.custody_owner, chain.payer_address),
        ClaimActivities(store, chain, buyers, chain.payer_address),
        GroupSizeActivities(store, chain),
        ResaleActivities(store, chain),
        BurnActivities(store, chain),
        RootActivities(store, chain),
    ]


def at_ipfs(settings: Settings, store: PostgresEventStore, pool: Pool, closing: AsyncExitStack) -> PinActivities:
    """Assemble the activities that call the IPFS node."""
    ipfs = settings.ipfs
    node = KuboNode(ipfs.rpc_url, ipfs.token.get_secret_value(), ipfs.timeout_seconds)
    closing.push_async_callback(node.close)
    return PinActivities(store, RelayQueries(pool), node)
