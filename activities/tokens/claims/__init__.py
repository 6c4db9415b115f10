"""Claims: a buyer shows that a wallet is theirs, and the ticket's token goes there, once."""
