"""What spans the rooms of the database: the schema of all tables, its check at the start, and its rebuild."""
