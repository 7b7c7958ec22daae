"""Known training programs. Adding one is adding a file here that registers a ``Preset``."""

from __future__ import annotations

from typing import Final

from perch.errors import StudyError
from perch.programs.preset import Preset
from perch.registry import Registry

PRESETS: Final[Registry[Preset]] = Registry("preset", "perch.programs.presets", StudyError)
