"""What reading a program's numbers costs: ``python benchmarks/read_metrics.py [TRIALS] [LINES]``.

Writes a file line by line, looks at it once for each line and ten times in between, and adds up processor time. Then
reads the whole file at once, as a resume does.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perch.command import Metrics
from perch.programs.metrics.rows import Reader

IDLE_LOOKS = 10
FORMATS: dict[str, tuple[dict[str, Any], str, Callable[[int], str]]] = {
    "jsonl": (
        {"files": "m", "format": "jsonl", "where": {"mode": "eval"}},
        "",
        lambda n: json.dumps({"mode": "eval", "epoch": n, "rmse_f": 0.1234567, "rmse_e_per_atom": 0.01}) + "\n",
    ),
    "csv": ({"files": "m", "format": "csv"}, "epoch,rmse_f,rmse_e,loss\n", lambda n: f"{n},0.1234567,0.01,1.0\n"),
    "regex": (
        {"files": "m", "pattern": r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)"},
        "",
        lambda n: f"epoch {n} loss 0.1234567 and the rest of the line\n",
    ),
}


def main() -> None:
    trials, lines = (int(word) for word in (*sys.argv[1:], "100", "10000")[:2])
    for name, (spec, head, row) in FORMATS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder, metrics = Path(temporary), Metrics.model_validate(spec)
            reader, cpu_s = Reader(metrics, folder, folder / "output"), 0.0
            with (folder / "m").open("w") as file:
                file.write(head)
                for number in range(lines):
                    file.write(row(number))
                    file.flush()
                    began = time.process_time()
                    for _ in range(1 + IDLE_LOOKS):
                        reader.look()
                    cpu_s += time.process_time() - began
            began = time.process_time()
            anew = Reader(metrics, folder, folder / "output")
            anew.look()
            whole_s = time.process_time() - began
            assert len(reader.rows) == len(anew.rows) == lines
        print(
            f"{name}: {cpu_s / lines * 1e6:.0f} µs a line with {IDLE_LOOKS} idle looks, {cpu_s * trials:.0f} s for {trials} trials of "
            f"{lines} lines; the whole file at once {whole_s * 1e3:.0f} ms"
        )


if __name__ == "__main__":
    main()
