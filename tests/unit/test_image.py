"""The image's build has what the wheel is made of."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_all_that_goes_into_the_wheel_is_copied_where_it_is_built():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    stage = re.search(r"AS wheel\n(.*?)\nFROM", (ROOT / "Dockerfile").read_text(), re.DOTALL)
    assert stage is not None
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", stage[1], re.MULTILINE) for word in line.split()]
    wanted = [*wheel["packages"], *wheel["force-include"], "README.md", "LICENSE"]
    missing = [path for path in wanted if not any(path == c or path.startswith(c + "/") for c in copied)]
    assert wanted and not missing
    assert all((ROOT / path).exists() for path in wanted)
