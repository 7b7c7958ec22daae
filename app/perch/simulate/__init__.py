"""Strategies executed in simulated time, over learning curves, without Ray."""

from perch.simulate.curves import Curves, PowerLaw
from perch.simulate.delays import Delays
from perch.simulate.interruptions import Interruptions
from perch.simulate.replay import Difference, differences, restore
from perch.simulate.simulator import simulate

__all__ = ["Curves", "Delays", "Difference", "Interruptions", "PowerLaw", "differences", "restore", "simulate"]
