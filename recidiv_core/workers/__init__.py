"""Work on what comes from outside, in processes of its own: within limits, gone with whoever asked for it, and its
data with it.
"""

from recidiv_core.workers.pool import Broken, Ended, Job, Pool, Task, TooLong, run, start, started
from recidiv_core.workers.worker import place_of

__all__ = ["Broken", "Ended", "Job", "Pool", "Task", "TooLong", "place_of", "run", "start", "started"]
