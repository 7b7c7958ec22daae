"""Records the learning curves of ``mini_asha.py``: twelve small networks, nine epochs each, on the embedded data.

python docs/mini_asha_record.py    (a minute on one core)
"""

from __future__ import annotations

import time
from pathlib import Path

from perch.data.prepare import prepare
from perch.space import parse_space
from perch.study import load
from perch.training.plain import train_plain

SEARCHED = {
    "atom_embedding_size": {"int": [8, 64], "log": True},
    "num_graph_conv_layers": {"int": [1, 3]},
    "lr": {"float": [0.0003, 0.05], "log": True},
    "batch_size": {"choice": [16, 32, 64]},
    "pooling": {"choice": ["mean", "adsorbate"]},
}


def main() -> None:
    prepared = prepare(load(None).data, base=Path())
    space = parse_space({**SEARCHED, "fc_feat_size": 32, "num_fc_layers": 1, "optimizer": "adam"})
    for number in range(12):
        config = space.draw(1, number)
        begun = time.process_time()
        [trained] = train_plain(prepared, config, 9, [0], threads=1)
        seconds = (time.process_time() - begun) / 9
        curve = [round(row["validation_mae_ev"], 3) for row in trained.rows]
        words = (
            f"width {config['atom_embedding_size']}, {config['num_graph_conv_layers']} layers, lr {config['lr']:.4f}, "
        )
        print(f'    ("{words}batch {config["batch_size"]}, {config["pooling"]}", {seconds:.2f}, {curve}),')


if __name__ == "__main__":
    main()
