"""The event store on PostgreSQL: commit queue, committer, aggregate cache, reader."""
