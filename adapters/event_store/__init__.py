"""The event store on PostgreSQL: a committer thread that appends batches, and a reader thread."""
