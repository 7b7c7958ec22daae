"""A program's numbers by epoch, however its file is written."""

import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from perch.command import Metrics
from perch.programs.metrics.rows import Reader
from perch.programs.metrics.tail import Tail


def reader(folder, **spec):
    return Reader(Metrics.model_validate(spec), folder, folder / "output.log")


def test_rows_of_an_epoch_are_merged_and_the_last_value_stands(tmp_path):
    (tmp_path / "m.csv").write_text("epoch,train,val\n0,1.0,\n0,,2.0\n0,,3.0\n1,0.5,\n")
    read = reader(tmp_path, files="*.csv", format="csv")
    read.look()
    assert read.rows == {0: {"train": 1.0, "val": 3.0}, 1: {"train": 0.5}}


def test_a_row_of_units_and_rows_without_an_epoch_are_passed_over(tmp_path):
    (tmp_path / "m.csv").write_text("Epoch,val\n,meV\n0,1\n,9\nnan,9\n")
    read = reader(tmp_path, files="*.csv", format="csv", epoch="Epoch")
    read.look()
    assert read.rows == {0: {"val": 1.0}}


def test_only_rows_that_match_where(tmp_path):
    rows = [
        {"mode": "eval", "epoch": None, "f": 1},
        {"mode": "opt", "epoch": 0, "f": 2},
        {"mode": "eval", "epoch": 0, "f": 3},
    ]
    (tmp_path / "r.txt").write_text("".join(json.dumps(r) + "\n" for r in rows) + "not json\n")
    read = reader(tmp_path, files="*.txt", format="jsonl", where={"mode": "eval"})
    read.look()
    assert read.rows == {0: {"f": 3.0}}


def test_a_line_counts_once_it_has_its_end_or_the_program_has_ended(tmp_path):
    (tmp_path / "output.log").write_text("epoch 0 loss 0.25\nepoch 1 loss 0.1")
    read = reader(tmp_path, pattern=r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)")
    read.look()
    assert read.rows == {0: {"loss": 0.25}}
    with (tmp_path / "output.log").open("a") as file:
        file.write("25")
    read.look(ended=True)
    assert read.rows[1] == {"loss": 0.125}


def test_a_header_that_comes_again_with_other_columns_holds_for_the_rows_after_it(tmp_path):
    (tmp_path / "m.csv").write_text("epoch,loss\n0,0.5\n")
    read = reader(tmp_path, files="*.csv", format="csv")
    read.look()
    with (tmp_path / "m.csv").open("a") as file:
        file.write("epoch,lr,loss\n1,0.001,0.4\nepoch,lr,loss\n2,0.001,0.3\n")
    read.look()
    assert read.rows == {0: {"loss": 0.5}, 1: {"lr": 0.001, "loss": 0.4}, 2: {"lr": 0.001, "loss": 0.3}}


def test_a_byte_order_mark_is_not_a_part_of_the_first_column_or_line(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbfepoch,loss\r\n0,0.5\r\n")
    (tmp_path / "m.jsonl").write_bytes(b'\xef\xbb\xbf{"epoch": 0, "loss": 0.25}\n')
    for name, form, loss in (("m.csv", "csv", 0.5), ("m.jsonl", "jsonl", 0.25)):
        read = reader(tmp_path, files=name, format=form)
        read.look()
        assert read.rows == {0: {"loss": loss}}


def test_an_epoch_that_is_not_finite_is_none(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"epoch": Infinity, "loss": 9}\n{"epoch": 0, "loss": 1}\n')
    read = reader(tmp_path, files="*.jsonl", format="jsonl")
    read.look()
    assert read.rows == {0: {"loss": 1.0}}


def test_rows_without_epochs_are_counted(tmp_path):
    (tmp_path / "m.csv").write_text("loss\n3\n2\n")
    read = reader(tmp_path, files="*.csv", format="csv", epoch=None)
    read.look()
    with (tmp_path / "m.csv").open("a") as file:
        file.write("1\n")
    read.look()
    assert [r["loss"] for r in read.rows.values()] == [3, 2, 1]


steps = st.lists(st.tuples(st.sampled_from(["append", "rewrite", "look"]), st.integers(0, 5)), max_size=25)


@settings(deadline=None, max_examples=60)
@given(steps)
def test_whatever_is_appended_or_rewritten_the_rows_are_those_of_the_file(tmp_path_factory, moves):
    folder = tmp_path_factory.mktemp("rows")
    path, read, rows, columns = folder / "m.csv", reader(folder, files="m.csv", format="csv"), [], 1
    for move, number in moves:
        if move == "look":
            read.look()
            continue
        if move == "rewrite":
            columns = 1 + number
        rows.append(len(rows))
        head = ",".join(["epoch", *(f"c{n}" for n in range(columns))])
        text = head + "\n" + "".join(f"{r}," + ",".join([str(r)] * columns) + "\n" for r in rows)
        if move == "rewrite" or len(rows) == 1:
            path.write_text(text)
        else:
            with path.open("a") as file:
                file.write(text.splitlines()[-1] + "\n")
    read.look(ended=True)
    assert list(read.rows) == rows
    assert all(read.rows[r][f"c{columns - 1}"] == r for r in rows)


def test_an_unchanged_file_costs_no_reading_and_a_grown_one_only_what_is_new(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("epoch,loss\n" + "".join(f"{n},1\n" for n in range(10_000)))
    tail = Tail(path)
    tail.read()
    before = tail.bytes_read
    assert tail.read().lines == [] and tail.bytes_read == before
    with path.open("a") as file:
        file.write("10000,1\n")
    assert tail.read().lines == ["10000,1"]
    assert tail.bytes_read - before == len("10000,1\n")


def test_a_hundred_trials_of_ten_thousand_lines_are_read_in_seconds(tmp_path):
    line = json.dumps({"mode": "eval", "epoch": 0, "rmse_f": 0.1234567, "rmse_e_per_atom": 0.01, "loss": 1.0})
    text = "".join(line.replace('"epoch": 0', f'"epoch": {n}') + "\n" for n in range(10_000))
    (tmp_path / "m.txt").write_text(text)
    spec = {"files": "m.txt", "format": "jsonl", "where": {"mode": "eval"}}
    began = time.process_time()
    read = reader(tmp_path, **spec)
    read.look()
    once = time.process_time() - began
    assert len(read.rows) == 10_000
    began = time.process_time()
    for _ in range(1000):
        read.look()
    looks = time.process_time() - began
    assert once * 100 < 60, f"{once * 100:.1f} processor seconds for a hundred such files"
    assert looks / 1000 < 0.005, f"{looks:.2f} processor ms for a look at a file that has not changed"
