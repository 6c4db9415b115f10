"""The invariants: one list, checked over the events and the external systems, also after failures."""
