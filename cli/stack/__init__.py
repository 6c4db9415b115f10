"""`boxoffice up` and `seed`: a whole stack on this machine, and something to look at in it."""
