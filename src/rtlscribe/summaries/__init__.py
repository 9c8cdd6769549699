"""The numbers each stage ends with: what its summary.json holds and `report` and `compare` read. Computes nothing.

All records are imported from here, in whichever module they stand.
"""

from rtlscribe.summaries.data import *  # noqa: F403
from rtlscribe.summaries.evaluation import *  # noqa: F403
from rtlscribe.summaries.models import *  # noqa: F403
from rtlscribe.summaries.speed import *  # noqa: F403
