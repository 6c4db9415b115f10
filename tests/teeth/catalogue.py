"""All seeded bugs, each with the one test that must catch it: `make teeth` breaks the code and runs that test."""

from tests.teeth.edges import CHAIN, DOORS, STORES
from tests.teeth.money import MONEY
from tests.teeth.prices import PRICES
from tests.teeth.saga import KERNELS
from tests.teeth.sales import ORDERS, STOCK

TEETH = (*STOCK, *ORDERS, *MONEY, *PRICES, *KERNELS, *CHAIN, *STORES, *DOORS)
