"""The arithmetic of the roofline: bytes and operations of known work, and the fraction that follows."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="module")
def roofline():
    """The script as a module."""
    folder = str(Path(__file__).resolve().parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("roofline")
    finally:
        sys.path.remove(folder)


def test_a_product_of_matrices_is_counted(roofline):
    a, b = torch.rand(30, 20), torch.rand(20, 10)
    with roofline.Counted() as counted:
        a @ b
    work = counted.work["aten::mm"]
    assert (work.calls, work.flops) == (1, 2 * 30 * 20 * 10)
    assert work.bytes == 4 * (30 * 20 + 20 * 10 + 30 * 10)


def test_a_product_that_is_added_in_place_is_counted(roofline):
    c = torch.rand(30, 10)
    with roofline.Counted() as counted:
        c.addmm_(torch.rand(30, 20), torch.rand(20, 10))
    work = counted.work["aten::addmm_"]
    assert work.flops == 2 * 30 * 20 * 10
    assert work.bytes == 4 * (30 * 20 + 20 * 10 + 30 * 10), "what is written in place is moved once"


def test_of_a_table_only_the_rows_that_are_read_count(roofline):
    table, rows = torch.rand(1000, 8), torch.arange(5)
    with roofline.Counted() as counted:
        table.index_select(0, rows)
    assert counted.work["aten::index_select"].bytes == 5 * 8 * 4 + 5 * 8 + 5 * 8 * 4


def test_what_only_allocates_or_looks_at_a_tensor_has_no_work(roofline):
    with roofline.Counted() as counted:
        made = torch.empty(30, 20)
        torch.empty_like(made).view(600)
        made.t().fill_(1.0)
    assert dict(counted.work) == {"aten::fill_": roofline.Work(1, 4 * 600, 0)}


@pytest.mark.parametrize(
    ("size", "flops", "seconds", "expected"),
    [(100, 0, 1.0, 1.0), (100, 0, 4.0, 0.25), (10, 5_000, 10.0, 0.5), (100, 500, 2.0, 0.5)],
)
def test_the_fraction_is_the_larger_of_both_least_times_over_the_time_taken(roofline, size, flops, seconds, expected):
    work = roofline.Work(calls=1, bytes=size, flops=flops)
    assert roofline.fraction(work, seconds, roofline.Ceilings(100.0, 1000.0)) == pytest.approx(expected)


def test_the_rates_of_a_device_are_measured(roofline):
    found = roofline.ceilings("cpu", 2**16, 64, 2)
    assert found.bytes_per_s > 1e6 and found.flops_per_s > 1e6
