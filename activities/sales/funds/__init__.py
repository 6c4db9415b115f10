"""The money for tokens: a watch of their payer, and the end of a sale before it is gone."""
