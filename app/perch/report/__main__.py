"""``python -m perch.report RUN``: refresh one page at low priority, and print the seconds that it took."""

import os
import sys
import time

from perch.report.write import refresh

if __name__ == "__main__":
    began_s = time.monotonic()
    os.nice(10)
    refresh(sys.argv[1])
    print(time.monotonic() - began_s)
