"""Two profiles: `quick`, always the same examples, for every run; `nightly`, many random ones.

`HYPOTHESIS_PROFILE=nightly python -m pytest tests/property --timeout=7200` is the long one.
"""

import os

from hypothesis import settings

settings.register_profile(
    "quick", derandomize=True, max_examples=50, stateful_step_count=25, deadline=None, database=None
)
settings.register_profile("nightly", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
