from __future__ import annotations

import pytest
import ray.exceptions
import torch

from perch.errors import DataError, Diverged, StudyError
from perch.training.failure import classify


def raised(make) -> BaseException:
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


def in_a_task(error: BaseException) -> BaseException:
    return ray.exceptions.RayTaskError("step", f"Traceback …\n{type(error).__name__}: {error}", error)


DIED = "The actor died unexpectedly before finishing this task."
KILLED = "The actor is dead because its worker process was killed: the node was running low on memory"
AT_START = (
    "The actor died because of an error raised in its creation task, \x1b[36mray::GraphTrainable.__init__()\x1b[39m\n"
    'Traceback (most recent call last):\n  File "a.py", line 3, in setup\n{}'
)


def died(text: str) -> BaseException:
    error = ray.exceptions.RayActorError()
    error.error_msg = text
    error.args = (text,)
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), "out_of_memory"),
        (raised(lambda: torch.empty(2**60)), "out_of_memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "out_of_memory"),
        (OSError(12, "Cannot allocate memory"), "out_of_memory"),
        (ray.exceptions.OutOfMemoryError("Task was killed due to the node running low on memory."), "out_of_memory"),
        (died(KILLED), "out_of_memory"),
        (caused(RuntimeError("trial failed"), MemoryError()), "out_of_memory"),
        (in_a_task(MemoryError()), "out_of_memory"),
        (Diverged("the loss is no finite number"), "diverged"),
        (in_a_task(Diverged("the loss is no finite number")), "diverged"),
        (DataError("no atom features for element 120"), "data"),
        (in_a_task(DataError("no atom features")), "data"),
        (died(AT_START.format("perch.errors.DataError: no atom features")), "data"),
        (died(AT_START.format("torch.OutOfMemoryError: CUDA out of memory.")), "out_of_memory"),
        (died(AT_START.format("ValueError: a wrong value")), "code"),
        (died(DIED), "lost"),
        (ray.exceptions.WorkerCrashedError(), "lost"),
        (ray.exceptions.ActorUnschedulableError("worker startup repeatedly failed"), "lost"),
        (ray.exceptions.NodeDiedError("node 7 died"), "lost"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "code"),
        (KeyError("memory"), "code"),
        (ValueError("out of memory is only a phrase here"), "code"),
        (StudyError("no hyperparameter is called 'batchsize'"), "code"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_failures_are_told_apart(error, kind):
    assert classify(error) == kind


def test_an_error_that_quotes_itself_does_not_loop():
    error = RuntimeError("one")
    error.__cause__ = caused(RuntimeError("two"), error)
    assert classify(error) == "code"
