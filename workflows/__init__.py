"""What happens next: deterministic sagas that read like the business process."""
