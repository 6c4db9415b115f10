"""`boxoffice mint`: the keys, the payer and the nodes of minting."""
