"""Running a study: log, state, campaign, the adapter to Tune. Called, the package is the function ``run``.

``from perch import run`` must mean the same whether or not this package has been imported: Python puts a subpackage into
its parent under its own name, over whatever stands there. So the package can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """A module that runs a study when it is called."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """See ``perch.run.runner.run``."""
        from perch.run.runner import run

        return run(*args, **options)


sys.modules[__name__].__class__ = _Callable
