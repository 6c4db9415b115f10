"""Which build of our code Temporal gives workflow tasks to: versioning of workers, and a log line about it."""

import asyncio
import logging

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

log = logging.getLogger("worker")
FIRST_CHECK_SECONDS = 2.0  # Temporal knows a new poller and a new current build by then
CHECK_SECONDS = 15.0


async def current_build(client: Client, deployment: str) -> str | None:
    """Return the current build of a deployment; None when none is set."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    try:
        described = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise
    return described.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def log_current_build(client: Client, ours: WorkerDeploymentVersion) -> None:
    """Log whether this build is the current one, and again whenever that changes; runs until cancelled."""
    logged: object = log_current_build  # nothing yet
    pause = FIRST_CHECK_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = CHECK_SECONDS
        try:
            current = await current_build(client, ours.deployment_name)
        except RPCError:
            continue  # the worker's own polling logs the error
        if current == logged:
            continue
        logged = current
        if current == ours.build_id:
            log.info("build %s is the current one of deployment %s", ours.build_id, ours.deployment_name)
        else:
            log.warning(
                "build %s gets NO work: the current build of deployment %s is %s; to change that: "
                "temporal worker deployment set-current-version --deployment-name %s --build-id %s --yes",
                ours.build_id,
                ours.deployment_name,
                current or "not set",
                ours.deployment_name,
                ours.build_id,
            )


def auto_upgrade(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """Return the versioning of a worker whose workflows move to the current build, whichever build started them."""
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE
    )
