"""Everything that each part of the domain builds on: events, aggregates, unit of work, refusals, ids."""
