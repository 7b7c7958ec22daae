"""``perch`` as a program that sends itself SIGTERM where it enters a function of Perch, the first time."""

SIGNALLED = """
import os, signal, sys
from perch.cli.main import main
import {module} as module

real = module.{name}

def signalled(*args, **keys):
    module.{name} = real
    os.kill(os.getpid(), signal.SIGTERM)
    return real(*args, **keys)

module.{name} = signalled
sys.argv = ["perch", *sys.argv[1:]]
sys.exit(main())
"""
