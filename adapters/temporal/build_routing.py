"""Which build of the worker Temporal gives the workflows to, said in the log of each worker."""

import asyncio
import logging

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

log = logging.getLogger("worker")
FIRST_LOOK_SECONDS = 2.0  # what has just begun to poll, or has just been made current, is known by then
LOOK_SECONDS = 15.0


async def current_build(client: Client, deployment: str) -> str | None:
    """Return the build that new workflow tasks go to, or None when no build is current."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    try:
        described = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise
    return described.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def log_current_build(client: Client, ours: WorkerDeploymentVersion) -> None:
    """Say whether this build gets the workflows, and again whenever that changes; ends by being cancelled."""
    said: object = log_current_build  # nothing yet
    pause = FIRST_LOOK_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = LOOK_SECONDS
        try:
            current = await current_build(client, ours.deployment_name)
        except RPCError:
            continue  # the poll of the queues complains already
        if current == said:
            continue
        said = current
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
