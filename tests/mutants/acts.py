"""Seeded bugs in operators' acts."""

from tests.mutants.mutant import Mutant

ACTS_TESTS = "tests/workflows/core/test_acts.py"
SALE_TESTS = "tests/workflows/test_operator_acts.py"
REASONS = "tests/workflows/test_reasons.py::test_a_reason_has_its_end"

ACTS = (
    Mutant(
        "an act in a stage that has passed is taken",
        "workflows/core/acts.py",
        "if act.stage != self.operator_stage:",
        "if False:",
        f"{ACTS_TESTS}::test_a_wrong_act_is_refused_with_a_sentence",
    ),
    Mutant(
        "a sale is given up after its pivot",
        "workflows/core/purchase_acts.py",
        "        if self._sold:\n            return ",
        "        if self._is_over:\n            return ",
        f"{REASONS}[outage-refund]",
    ),
    Mutant(
        "an act that came too late is told as done",
        "workflows/core/purchase_acts.py",
        "            refuse(",
        "            str(",
        f"{SALE_TESTS}::test_a_sale_is_not_given_up",
    ),
    Mutant(
        "an act is decided on nobody's behalf",
        "activities/access/operator_acts.py",
        "acting_as(operator_actor(act.operator))",
        "acting_as(None)",
        f"{ACTS_TESTS}::test_an_act_is_recorded_with_its_operator",
    ),
    Mutant(
        "a refund that Stripe may still pay is paid by hand",
        "workflows/refund.py",
        "        if self._status.stage not in TRIED_AGAIN:\n            return",
        "        if self._is_over:\n            return",
        "tests/workflows/test_refund.py::test_a_refund_that_is_under_way_is_not_paid_by_hand",
    ),
    Mutant(
        "a matter that was given up is brought back",
        "activities/access/operator_acts.py",
        "    GIVE_UP.name: _give_up,\n",
        "",
        f"{SALE_TESTS}::test_nobody_follows_a_dispute_that_was_given_up",
    ),
    Mutant(
        "a deploy makes a schedule anew",
        "relay/schedules.py",
        "    except ScheduleAlreadyRunningError:\n        return False\n",
        "    except ScheduleAlreadyRunningError:\n"
        "        await client.get_schedule_handle(schedule_id).delete()\n"
        "        await client.create_schedule(schedule_id, schedule)\n"
        "        return False\n",
        "tests/relay/test_schedules.py::test_what_an_operator_decided_outlives_a_deploy",
    ),
    Mutant(
        "a signal without an input fails the workflow task",
        "workflows/core/operated.py",
        "def look_again(self, *_: object)",
        "def look_again(self, _: object)",
        "tests/workflows/core/test_handlers.py::test_nothing_that_is_sent_fails_a_workflow[RefundWorkflow]",
    ),
)
