"""The identity of the deployment in tests, and the ids that the API derives with it."""

from domain.core.ids import Deployment, Identity

DEPLOYMENT = Deployment("dp_tests")
IDENTITY = Identity(DEPLOYMENT.deployment_id, bytes(range(32)))


def purchase_id_of(tenant_id: str, idempotency_key: str) -> str:
    """Return the id of the purchase that this Idempotency-Key makes under the development key."""
    return IDENTITY.of_key("pu", f"{tenant_id}/development", idempotency_key)
