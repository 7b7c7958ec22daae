"""Makes the embedded data set anew: slabs, sites and adsorbates, relaxed with SevenNet-l3i5. See README.md.

    uv run --script studies/embedded/make.py check --number 20        # draw systems, make them anew, compare
    uv run --script studies/embedded/make.py make --slab Pt-111       # one slab, or all without --slab
    uv run --script studies/embedded/make.py make --number 6          # no more than six adsorbed systems
    uv run --script studies/embedded/make.py pack made.extxyz.gz      # gather what is made

Every relaxation leaves one small file in --work, written under another name first: stop it at any time, start it
again, and it goes on with what is missing.
"""

# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["sevenn==0.13.0", "ase>=3.29,<4", "numpy>=2"]
# ///

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from check import check
from pack import pack
from recipe import ADSORBATES, all_slabs
from sites import drawn_sites, sites
from workshop import Workshop


def make(shop: Workshop, slabs: list[str], number: int | None) -> int:
    """Relax what is not there yet, at most ``number`` systems in all; how many there are now."""
    return sum(1 for _made in itertools.islice(made(shop, slabs), number))


def made(shop: Workshop, slabs: list[str]) -> Iterator[str]:
    """The recipe's systems in order, each relaxed before it is named."""
    for slab in slabs:
        for adsorbate in ADSORBATES:
            for site in drawn_sites(slab, adsorbate, sites(shop.clean(slab), slab.split("-")[1])):
                shop.adsorbed(slab, adsorbate, site)
                yield f"{slab}-{adsorbate}-{site.number}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("embedded-work"), help="folder of finished relaxations")
    what = parser.add_subparsers(dest="what", required=True)
    checking = what.add_parser("check", help="make systems of the embedded set anew, and compare")
    checking.add_argument("--number", type=int, default=20, help="how many to draw")
    checking.add_argument("--seed", type=int, default=0, help="what to draw them with")
    checking.add_argument("--most-seconds", type=float, default=float("inf"), help="begin no system after this")
    making = what.add_parser("make", help="relax what is missing")
    making.add_argument(
        "--slab", action="append", choices=all_slabs(), metavar="SLAB", help="only this one; repeatable"
    )
    making.add_argument("--number", type=int, help="at most this many adsorbed systems")
    packing = what.add_parser("pack", help="gather finished systems into one file")
    packing.add_argument("file", type=Path)
    options = parser.parse_args()
    shop = Workshop(options.work)
    if options.what == "check":
        return check(shop, options.number, options.seed, options.most_seconds)
    if options.what == "make":
        print(f"{make(shop, options.slab or all_slabs(), options.number)} systems in {options.work}")
        return 0
    return pack(shop, options.file)


if __name__ == "__main__":
    sys.exit(main())
