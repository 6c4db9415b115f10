"""The real worker, with the next build of the purchase."""

import worker
from tests.real.next_purchase import FlaggedPurchase
from workflows.purchase import PurchaseWorkflow

WORKFLOWS = tuple(FlaggedPurchase if kind is PurchaseWorkflow else kind for kind in worker.WORKFLOWS)

if __name__ == "__main__":
    worker.WORKFLOWS = WORKFLOWS
    worker.main()
