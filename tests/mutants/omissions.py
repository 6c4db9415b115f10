"""Seeded omissions: an activity, a workflow, a queue, a route, an event, a fold, a setting, a service."""

from tests.mutants.mutant import Mutant

PERSISTED = "tests/architecture/test_persisted_names.py::test_stored_names_are_the_recorded_ones"
WORKER = "tests/architecture/test_worker.py"

OMISSIONS = (
    Mutant(
        "an activity is not declared",
        "activities/books/post.py",
        '    @activity_on(PURCHASES, name="settle_mint")\n',
        "",
        f"{WORKER}::test_workflows_call_only_what_a_worker_runs",
        "no worker runs BooksActivities.settle_mint",
    ),
    Mutant(
        "the name of an activity is gone",
        "activities/books/post.py",
        '    @activity_on(PURCHASES, name="settle_mint")\n',
        "",
        PERSISTED,
        "activity settle_mint",
    ),
    Mutant(
        "production has no instance of a class of activities",
        "assembly/activities.py",
        "        LatePaymentActivities(store, gateway, payments),\n",
        "",
        f"{WORKER}::test_production_has_an_instance_of_every_class",
        "no worker would run resolve_late_payment",
    ),
    Mutant(
        "a workflow is not declared",
        "workflows/stock/ticket_api_hold.py",
        '@workflow_on(PURCHASES, name="HoldWorkflow", owner="show", stage="holding", restarted_by="end holds")\n',
        "",
        f"{WORKER}::test_every_workflow_is_on_a_queue_that_is_polled",
        "HoldWorkflow",
    ),
    Mutant(
        "a task queue is gone",
        "activities/core/task_queues.py",
        'MINT = "mint"',
        "MINT = PURCHASES",
        PERSISTED,
        "task-queue mint",
    ),
    Mutant(
        "a service of the compose file is gone",
        "docker-compose.temporal.yml",
        "  worker-mint:\n    <<: *boxoffice\n"
        '    command: ["python", "-m", "worker", "--relay", "without", "--queues", "mint"]\n    healthcheck: *ready\n'
        "    environment:\n"
        "      <<: [*database, *engine, *worker, *chain, *privacy]\n"
        "      BOXOFFICE_SOLANA__ADDRESS_SECRET: ${BOXOFFICE_SOLANA__ADDRESS_SECRET:?}\n"
        "      BOXOFFICE_SOLANA__ISSUER_SECRET: ${BOXOFFICE_SOLANA__ISSUER_SECRET:?}\n"
        "      BOXOFFICE_SOLANA__PAYER_SECRET: ${BOXOFFICE_SOLANA__PAYER_SECRET:?}\n"
        "      BOXOFFICE_SOLANA__DELEGATE_SECRET: ${BOXOFFICE_SOLANA__DELEGATE_SECRET:?}\n",
        "",
        "tests/architecture/test_compose.py::test_our_services_are_the_processes_and_one_worker_per_queue",
        "worker-mint",
    ),
    Mutant(
        "a route is gone",
        "api/routes/quotes.py",
        '@router.post("", openapi_extra=QUOTE_PROBLEMS)\n',
        "",
        PERSISTED,
        "route POST /api/v1/quotes",
    ),
    Mutant(
        "a domain event is gone",
        "domain/payouts/payout.py",
        "class PayoutReturned(",
        "class PayoutCameBack(",
        PERSISTED,
        "PayoutReturned",
    ),
    Mutant(
        "an event has no fold",
        "adapters/read_models/catalog.py",
        "    CapacityChangeEnded: _capacity_ended,\n",
        "",
        "tests/architecture/test_events.py::test_every_event_has_a_fold_or_needs_none",
        "CapacityChangeEnded",
    ),
    Mutant(
        "a setting is gone",
        "settings/groups.py",
        "    hold_seconds_max: int = Field(3600, ge=1, "
        'description="longest hold of a show or a request, in seconds")\n',
        "",
        "tests/architecture/test_settings_documented.py::test_every_setting_is_documented_and_every_documented_one_exists",
        "BOXOFFICE_SAGA__HOLD_SECONDS_MAX",
    ),
)
