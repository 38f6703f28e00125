"""What holds for every test: the same examples in every run, so that a change is judged by what it changed.

New examples are looked for with `HYPOTHESIS_PROFILE=explore make test ARGS="-k html"`; what they find becomes a test of its own.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
