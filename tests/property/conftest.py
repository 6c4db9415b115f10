"""Profiles: `quick` runs the same examples each time; `nightly` runs many random ones.

Nightly: `HYPOTHESIS_PROFILE=nightly python -m pytest tests/property --timeout=7200`.
"""

import os

from hypothesis import settings

settings.register_profile(
    "quick", derandomize=True, max_examples=50, stateful_step_count=25, deadline=None, database=None
)
settings.register_profile("nightly", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
