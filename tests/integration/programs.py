"""``perch`` as a program with something changed in it, for what an option cannot bring about at a given moment."""

_MAIN = """
import sys
from perch.cli.main import main
sys.argv = ["perch", *sys.argv[1:]]
sys.exit(main())
"""

SIGNALLED = (
    """
import os, signal
import {module} as module

real = module.{name}

def signalled(*args, **keys):
    module.{name} = real
    os.kill(os.getpid(), signal.SIGTERM)
    return real(*args, **keys)

module.{name} = signalled
"""
    + _MAIN
)
"""It sends itself SIGTERM where it enters a function of Perch, the first time."""

PATIENT = (
    """
from perch.engine import tune

assert tune.GRACE_S > 0
tune.GRACE_S = 3600.0
"""
    + _MAIN
)
"""After a signal it waits for every running trial to save, however busy the machine is."""
