"""PostgreSQL: its connections, and the tables that belong to no aggregate."""
