"""A venue's pages: its shows, sales, stock, tokens, entries and money, in the figures of the API."""
