"""The common ground of the domain: events, aggregates, unit of work, refusals, ids."""
