"""The real worker, with the next build of the purchase."""

import worker
from tests.real.next_purchase import FlaggedPurchase
from workflows.purchase import PurchaseWorkflow
from workflows.registry import declared_workflows

WORKFLOWS = tuple(FlaggedPurchase if kind is PurchaseWorkflow else kind for kind in declared_workflows())

if __name__ == "__main__":
    worker.main(workflows=WORKFLOWS)
