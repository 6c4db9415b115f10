"""Reasons for a purchase's end without a sale and without a refusal; stored, and read by clients."""

QUEUE_EXPIRED = "queue-expired"
OPERATOR_CANCELLED = "operator-cancelled"
FAILED = "failed"
END_REASONS = {
    QUEUE_EXPIRED: "The checkout did not open in time; nothing could be paid.",
    OPERATOR_CANCELLED: "An operator gave the purchase up, or cancelled its workflow, before its sale.",
    FAILED: "A step failed in an unexpected way before the payment was captured.",
}
