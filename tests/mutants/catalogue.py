"""All seeded bugs, each with the one test that must catch it: `make mutants` breaks the code and runs that test."""

from tests.mutants.access import ACCESS
from tests.mutants.acts import ACTS
from tests.mutants.charges import CHARGES
from tests.mutants.claims import CLAIMS
from tests.mutants.door import ENTRIES
from tests.mutants.edges import CHAIN, DOORS, STORES
from tests.mutants.keys import KEYS
from tests.mutants.limits import LIMITS
from tests.mutants.loops import LOOPS
from tests.mutants.money import MONEY
from tests.mutants.nodes import NODES
from tests.mutants.omissions import OMISSIONS
from tests.mutants.prices import PRICES
from tests.mutants.privacy import PRIVACY
from tests.mutants.refunds import REFUNDS
from tests.mutants.saga import KERNELS
from tests.mutants.sales import ORDERS, STOCK
from tests.mutants.tokens import TOKENS
from tests.mutants.trees import OF_TREES

MUTANTS = (
    *STOCK,
    *ORDERS,
    *MONEY,
    *CHARGES,
    *REFUNDS,
    *PRICES,
    *KERNELS,
    *CHAIN,
    *NODES,
    *STORES,
    *DOORS,
    *ACCESS,
    *ACTS,
    *LIMITS,
    *PRIVACY,
    *LOOPS,
    *OMISSIONS,
    *TOKENS,
    *KEYS,
    *CLAIMS,
    *OF_TREES,
    *ENTRIES,
)
