"""The same purchases without Temporal: our API, activities and projector, with another orchestrator between them."""
