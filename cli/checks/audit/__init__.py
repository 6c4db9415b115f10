"""`boxoffice audit`: the tables of the audit, drawn from this code, with every missing edge."""
