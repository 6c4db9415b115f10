"""Fields of Stripe's objects: the required ones and those that may be null.

Names only, from Stripe's OpenAPI document (github.com/stripe/openapi) of API version 2026-10-28.endive, its revision
v2596, by way of the types that Stripe generates from it for Node (npm `stripe` 23.1.0): a field without `?` and `null`
is required, one with `null` may be null. A dotted path is an object inside of another that has no name of its own.
"""

API_VERSION = "2026-10-28.endive"
REQUIRED: dict[str, str] = {
    "account": "id object charges_enabled details_submitted payouts_enabled type",
    "account.business_profile": "",
    "account.capabilities": "",
    "account.controller": "type",
    "account.controller.fees": "payer",
    "account.controller.losses": "payments",
    "account.controller.stripe_dashboard": "type",
    "account.requirements": "",
    "account.settings": "branding card_payments dashboard payments",
    "account.settings.branding": "",
    "account.settings.card_payments": "",
    "account.settings.card_payments.decline_on": "avs_failure cvc_failure",
    "account.settings.dashboard": "",
    "account.settings.payments": "",
    "account.settings.payouts": "debit_negative_balances schedule",
    "account.settings.payouts.schedule": "delay_days interval",
    "account_link": "object created expires_at url",
    "balance": "object available livemode pending",
    "balance.available[]": "amount currency",
    "balance.available[].source_types": "",
    "balance.pending[]": "amount currency",
    "balance.pending[].source_types": "",
    "balance_transaction": (
        "id object amount available_on balance_type created currency fee fee_details net reporting_category status type"
    ),
    "balance_transaction.fee_details[]": "amount currency type",
    "bank_account": "id object country currency last4 status",
    "charge": (
        "id object amount amount_captured amount_refunded billing_details captured created currency disputed "
        "livemode metadata paid refunded status"
    ),
    "charge.billing_details": "",
    "charge.billing_details.address": "",
    "charge.outcome": "type",
    "charge.payment_method_details": "type",
    "charge.payment_method_details.card": "exp_month exp_year",
    "charge.payment_method_details.us_bank_account": "",
    "deleted_webhook_endpoint": "id object deleted",
    "dispute": (
        "id object amount balance_transactions charge created currency enhanced_eligibility_types evidence "
        "evidence_details is_charge_refundable livemode metadata reason status"
    ),
    "dispute.evidence": "enhanced_evidence",
    "dispute.evidence.enhanced_evidence": "",
    "dispute.evidence_details": "enhanced_eligibility has_evidence past_due submission_count submission_method",
    "dispute.evidence_details.enhanced_eligibility": "",
    "dispute.payment_method_details": "type",
    "dispute.payment_method_details.card": "brand case_type network",
    "error": "type",
    "event": "id object created data livemode pending_webhooks type",
    "event.data": "object",
    "event.request": "",
    "list": "data has_more object url",
    "payment_intent": (
        "id object amount amount_capturable amount_received capture_method confirmation_method created "
        "currency livemode metadata payment_method_types status"
    ),
    "payment_intent.automatic_payment_methods": "enabled",
    "payment_intent.last_payment_error": "type",
    "payment_intent.next_action": "type",
    "payment_method": "id object billing_details created livemode type",
    "payment_method.billing_details": "",
    "payment_method.billing_details.address": "",
    "payout": (
        "id object amount arrival_date automatic created currency livemode method reconciliation_status "
        "source_type status type"
    ),
    "refund": "id object amount created currency",
    "refund.next_action": "type",
    "refund.next_action.display_details": "email_sent expires_at",
    "refund.next_action.display_details.email_sent": "email_sent_at email_sent_to",
    "search_result": "data has_more object url",
    "topup": "id object amount created currency livemode metadata status",
    "transfer": "id object amount amount_reversed created currency livemode metadata reversals reversed",
    "transfer_reversal": "id object amount created currency transfer",
    "webhook_endpoint": "id object created enabled_events livemode metadata status url",
}
NULLABLE: dict[str, str] = {
    "account": "business_profile business_type email groups settings",
    "account.business_profile": (
        "annual_revenue estimated_worker_count mcc minority_owned_business_designation name "
        "product_description specified_commercial_transactions_act_url support_address support_email "
        "support_phone support_url url"
    ),
    "account.requirements": (
        "alternatives current_deadline currently_due disabled_reason errors eventually_due past_due "
        "pending_verification"
    ),
    "account.settings.branding": "icon logo primary_color secondary_color",
    "account.settings.card_payments": (
        "statement_descriptor_prefix statement_descriptor_prefix_kana statement_descriptor_prefix_kanji"
    ),
    "account.settings.dashboard": "display_name timezone",
    "account.settings.payments": (
        "statement_descriptor statement_descriptor_kana statement_descriptor_kanji "
        "statement_descriptor_prefix_kana statement_descriptor_prefix_kanji"
    ),
    "account.settings.payouts": "statement_descriptor",
    "balance_transaction": "description exchange_rate source",
    "balance_transaction.fee_details[]": "application description",
    "bank_account": (
        "account account_holder_name account_holder_type account_type available_payout_methods bank_name "
        "customer default_for_currency fingerprint future_requirements metadata requirements routing_number"
    ),
    "charge": (
        "application application_fee application_fee_amount balance_transaction "
        "calculated_statement_descriptor customer description failure_balance_transaction failure_code "
        "failure_message fraud_details on_behalf_of outcome payment_intent payment_method "
        "payment_method_details receipt_email receipt_number receipt_url refunds review shipping source "
        "source_transfer statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
    ),
    "charge.billing_details": "address email name phone tax_id",
    "charge.billing_details.address": "city country line1 line2 postal_code state",
    "charge.outcome": "advice_code network_advice_code network_decline_code network_status reason seller_message",
    "charge.payment_method_details.card": (
        "amount_authorized authorization_code brand checks country description electronic_commerce_indicator "
        "fingerprint funding iin installments issuer last4 mandate moto network network_token "
        "network_transaction_id regulated_status three_d_secure transaction_link_id wallet"
    ),
    "charge.payment_method_details.us_bank_account": (
        "account_holder_type account_type bank_name fingerprint last4 payment_reference routing_number"
    ),
    "dispute": "intended_submission_method network_reason_code payment_intent",
    "dispute.evidence": (
        "access_activity_log appeal billing_address cancellation_policy cancellation_policy_disclosure "
        "cancellation_rebuttal customer_communication customer_email_address customer_name "
        "customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation "
        "duplicate_charge_id product_description receipt refund_policy refund_policy_disclosure "
        "refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier "
        "shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
    ),
    "dispute.evidence_details": "due_by",
    "dispute.payment_method_details.card": "network_reason_code",
    "event": "api_version request",
    "event.request": "id idempotency_key",
    "payment_intent": (
        "allowed_payment_method_types application application_fee_amount automatic_payment_methods "
        "canceled_at cancellation_reason client_secret customer customer_account description "
        "excluded_payment_method_types last_payment_error latest_charge managed_payments next_action "
        "on_behalf_of payment_method payment_method_configuration_details payment_method_options "
        "payment_record processing receipt_email review setup_future_usage shipping source "
        "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
    ),
    "payment_method": "customer customer_account metadata",
    "payment_method.billing_details": "address email name phone tax_id",
    "payment_method.billing_details.address": "city country line1 line2 postal_code state",
    "payout": (
        "application_fee application_fee_amount balance_transaction description destination "
        "failure_balance_transaction failure_code failure_message metadata original_payout payout_method "
        "reversed_by statement_descriptor trace_id"
    ),
    "refund": (
        "balance_transaction charge customer customer_account metadata payment_intent payment_method reason "
        "receipt_number source_transfer_reversal status transfer_reversal"
    ),
    "search_result": "next_page",
    "topup": (
        "balance_transaction description expected_availability_date failure_code failure_message initiated_by "
        "payment_method payment_method_options source statement_descriptor transfer_group"
    ),
    "transfer": "balance_transaction description destination source_transaction transfer_group",
    "transfer_reversal": "balance_transaction destination_payment_refund metadata source_refund",
    "webhook_endpoint": "api_version application description",
}
