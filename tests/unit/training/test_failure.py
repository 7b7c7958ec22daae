"""Whose a failure is: every row of the table, with messages as CUDA, NCCL, Linux, PyTorch and Ray write them."""

from __future__ import annotations

import errno
import os
import socket
import subprocess

import pytest
import ray.exceptions
import torch
import torch.distributed

from perch.errors import DataError, DeviceError, Diverged, StudyError, TrialError
from perch.training.failure import classify, message_of, node_of
from perch.training.signatures import SIGNATURES
from perch.vocabulary import FAILURES


def raised(make) -> BaseException:
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


def in_a_task(error: BaseException, ip: str = "10.0.0.7") -> BaseException:
    """As the driver gets it: Ray's own class and the cause's at once."""
    text = (
        f'ray::GraphTrainable.train() (pid=1, ip={ip})\n  File "a.py", line 3, in step\n{type(error).__name__}: {error}'
    )
    return ray.exceptions.RayTaskError("train", text, error).as_instanceof_cause()


def unpicklable(text: str) -> BaseException:
    """A task's error whose exception could not travel: Ray sends its traceback alone."""
    lost = ray.exceptions.RayError("The original cause of the RayTaskError (<class 'x.Y'>) isn't serializable")
    return ray.exceptions.RayTaskError("train", f'Traceback (most recent call last):\n  File "a.py"\n{text}', lost)


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def cuda(text: str) -> BaseException:
    return torch.AcceleratorError(
        f"CUDA error: {text}\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
    )


DEAD = (
    "The actor died unexpectedly before finishing this task.\n\tclass_name: GraphTrainable\n\tpid: 7\n\tip: 10.0.0.7\n"
    "The actor is dead because its worker process has died. Worker exit type: {} Worker exit detail: {}"
)
VANISHED = (  # what Ray says of a SIGKILL, a SIGSEGV, a SIGBUS and os._exit alike
    "Worker unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the process "
    "was killed by the OOM killer due to high memory usage, (2) ray stop --force was called, or (3) the worker crashed "
    "unexpectedly due to SIGSEGV or another unexpected error. If the process was killed by the kernel OOM killer …"
)
CROWDED = "The actor is dead because its worker process was killed: the node was running low on memory"
AT_START = (
    "The actor died because of an error raised in its creation task, \x1b[36mray::GraphTrainable.__init__()\x1b[39m "
    '(pid=1, ip=10.0.0.7)\nTraceback (most recent call last):\n  File "a.py", line 3, in setup\n    OSError\n{}'
)


def died(text: str) -> BaseException:
    error = ray.exceptions.ActorDiedError()
    error.error_msg = text
    error.args = (text,)
    return error


TABLE = [
    # (error, class, whose)
    (Diverged("the loss is no finite number"), "diverged", "trial"),
    (in_a_task(Diverged("the loss is no finite number")), "diverged", "trial"),
    # memory
    (MemoryError(), "out_of_memory", "trial"),
    (raised(lambda: torch.empty(2**60)), "out_of_memory", "trial"),
    (system(errno.ENOMEM), "out_of_memory", "trial"),
    (caused(RuntimeError("trial failed"), MemoryError()), "out_of_memory", "trial"),
    (in_a_task(MemoryError()), "out_of_memory", "trial"),
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), "out_of_memory", "trial"),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "out_of_memory", "trial"),
    (died(AT_START.format("torch.OutOfMemoryError: CUDA out of memory.")), "out_of_memory", "trial"),
    (ray.exceptions.OutOfMemoryError("Task was killed due to the node running low on memory."), "out_of_memory", "unknown"),
    (died(CROWDED), "out_of_memory", "unknown"),
    (RuntimeError("DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that dataloader's workers are "
                  "out of shared memory."), "out_of_memory", "unknown"),
    (RuntimeError("unable to mmap 4096 bytes from file </torch_1>: Cannot allocate memory (12)"), "out_of_memory", "unknown"),
    # file systems
    *((system(n), "storage", "machine") for n in (
        errno.ESTALE, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ENOTCONN, errno.ESHUTDOWN, errno.EREMOTEIO, errno.ENODEV,
        errno.EUCLEAN)),
    (in_a_task(system(errno.ESTALE)), "storage", "machine"),
    (caused(DataError("cannot read the graphs"), system(errno.EIO)), "storage", "machine"),
    (died(AT_START.format("OSError: [Errno 116] Stale file handle: '/data/graphs.npz'")), "storage", "machine"),
    (OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), "storage", "machine"),
    (RuntimeError("[enforce fail at inline_container.cc:659] . PytorchStreamWriter failed writing file data/0"), "storage", "machine"),
    (ray.exceptions.OutOfDiskError("Local disk is full"), "storage", "machine"),
    *((system(n), "storage", "unknown") for n in (errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EBUSY, errno.ENOLCK)),
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "/data/train.npz"), "code", "trial"),
    (PermissionError(errno.EACCES, "Permission denied", "/data"), "code", "trial"),
    # networks
    *((torch.distributed.DistBackendError(f"NCCL error in: ProcessGroupNCCL.cpp:2251, {text}"), "network", "machine") for text in (
        "unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.27.5\nncclSystemError: System call failed",
        "remote process exited or there was a network error, NCCL version 2.27.5\nncclRemoteError: A call failed",
        "internal error, NCCL version 2.27.5\nncclInternalError: Internal check failed.")),
    (torch.distributed.DistBackendError("NCCL error in: a.cpp:1, invalid usage, NCCL version 2.27.5\nncclInvalidUsage: …"), "code", "trial"),
    (RuntimeError("[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3)"), "network", "machine"),
    (RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [10.0.0.3]:2310"), "network", "machine"),
    (torch.distributed.DistNetworkError("The client socket has timed out after 600000ms"), "network", "machine"),
    (system(errno.EHOSTUNREACH), "network", "machine"),
    (ray.exceptions.GetTimeoutError("Get timed out"), "network", "machine"),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "network", "unknown"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "network", "unknown"),
    (TimeoutError("timed out"), "network", "unknown"),
    (socket.gaierror(-3, "Temporary failure in name resolution"), "network", "unknown"),
    # GPUs
    *((cuda(text), "gpu", "machine") for text in (
        "uncorrectable ECC error encountered", "unspecified launch failure", "the launch timed out and was terminated",
        "CUDA-capable device(s) is/are busy or unavailable", "all CUDA-capable devices are busy or unavailable",
        "no CUDA-capable device is detected", "hardware stack error", "unknown error", "system not yet initialized",
        "no kernel image is available for execution on the device", "uncorrectable NVLink error detected during the execution",
        "CUDA driver version is insufficient for CUDA runtime version", "initialization error", "device requires reset")),
    (RuntimeError("No CUDA GPUs are available"), "gpu", "machine"),
    (RuntimeError("HIP error: unspecified launch failure"), "gpu", "machine"),
    (RuntimeError("Failed to initialize NVML: Driver/library version mismatch"), "gpu", "machine"),
    (in_a_task(DeviceError("the trial was given 1 GPUs, and torch sees 0")), "gpu", "machine"),
    (in_a_task(cuda("uncorrectable ECC error encountered")), "gpu", "machine"),
    (unpicklable("torch.AcceleratorError: CUDA error: uncorrectable ECC error encountered"), "gpu", "machine"),
    (died(AT_START.format("torch.AcceleratorError: CUDA error: no CUDA-capable device is detected")), "gpu", "machine"),
    *((cuda(text), "gpu", "unknown") for text in (
        "an illegal memory access was encountered", "misaligned address", "an illegal instruction was encountered")),
    (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(…)`"), "gpu", "unknown"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), "gpu", "unknown"),
    (cuda("device-side assert triggered"), "code", "trial"),
    (cuda("invalid configuration argument"), "code", "trial"),
    # data
    (DataError("no atom features for element 120"), "data", "trial"),
    (in_a_task(DataError("no atom features")), "data", "trial"),
    (died(AT_START.format("perch.errors.DataError: no atom features")), "data", "trial"),
    # processes and signals
    (died(DEAD.format("SYSTEM_ERROR", VANISHED)), "lost", "machine"),
    (died(DEAD.format("SYSTEM_ERROR", "Worker exits unexpectedly. Worker exits with an exit code 1. The process receives a SIGTERM.")),
     "lost", "machine"),
    (died(DEAD.format("SYSTEM_ERROR", "Worker exits unexpectedly. Worker exits with an exit code 3.")), "code", "trial"),
    (died(DEAD.format("INTENDED_USER_EXIT", "Worker exits by an user request. Worker exits with an exit code 0. "
                      "exit_actor() is called.")), "code", "trial"),
    (subprocess.CalledProcessError(-9, ["train"]), "lost", "unknown"),
    (RuntimeError("DataLoader worker (pid(s) 12) exited unexpectedly"), "lost", "unknown"),
    (RuntimeError("can't start new thread"), "lost", "unknown"),
    (system(errno.EAGAIN), "lost", "unknown"),
    # Ray's own
    (ray.exceptions.WorkerCrashedError(), "lost", "machine"),
    (ray.exceptions.ActorUnschedulableError("worker startup repeatedly failed"), "lost", "machine"),
    (ray.exceptions.NodeDiedError("node 7 died"), "lost", "machine"),
    (ray.exceptions.LocalRayletDiedError(), "lost", "machine"),
    (ray.exceptions.ObjectStoreFullError("no room"), "lost", "machine"),
    (ray.exceptions.RuntimeEnvSetupError("cannot make it"), "lost", "machine"),
    (ray.exceptions.ActorUnavailableError("The actor is temporarily unavailable: rpc", b"1" * 16), "lost", "machine"),
    # the trial's own, whatever its words
    (died(AT_START.format("ValueError: a wrong value")), "code", "trial"),
    (unpicklable("ValueError: no ECC error at all"), "code", "trial"),
    (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "code", "trial"),
    (KeyError("memory"), "code", "trial"),
    (ValueError("out of memory is only a phrase here"), "code", "trial"),
    (StudyError("no hyperparameter is called 'batchsize'"), "code", "trial"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "failure", "whose"), TABLE, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_whose_a_failure_is(error, failure, whose):
    assert failure in FAILURES
    found = classify(error)
    assert (found.failure, found.whose) == (failure, whose)


def test_no_row_of_the_table_is_untested():
    """Each signature is the first to fit some error above."""
    used = set()
    for error, *_ in TABLE:
        for n in range(len(SIGNATURES)):
            shorter = (*SIGNATURES[:n], *SIGNATURES[n + 1 :])
            if _classified_by(shorter, error) != _classified_by(SIGNATURES, error):
                used.add(n)
    kept_apart = {n for n, row in enumerate(SIGNATURES) if row.failure == "code"}  # they only keep later rows off
    unused = [SIGNATURES[n] for n in range(len(SIGNATURES)) if n not in used | kept_apart]
    assert unused == []


def _classified_by(signatures, error):
    from perch.training import failure

    kept, failure.SIGNATURES = failure.SIGNATURES, signatures
    try:
        return failure.classify(error)
    finally:
        failure.SIGNATURES = kept


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_a_neighbour_may_have_taken_the_memory_of_a_shared_device(error):
    assert classify(error).whose == "trial"
    assert not classify(error).alone
    assert classify(error, shared_device=True).whose == "unknown"
    assert classify(error, shared_device=True).alone, "it is tried once more with a device to itself"
    assert classify(in_a_task(error), shared_device=True).whose == "unknown"


def test_a_device_that_is_shared_excuses_nothing_else():
    for error in (MemoryError(), ValueError("wrong"), Diverged("nan")):
        fault = classify(error, shared_device=True)
        assert (fault.whose, fault.alone) == ("trial", False)


def test_every_class_of_ray_that_says_a_part_of_the_cluster_is_gone_is_the_machines():
    """What a newer Ray adds stands out here."""
    own = {c for c in vars(ray.exceptions).values() if isinstance(c, type) and issubclass(c, ray.exceptions.RayError)}
    known = {name for row in SIGNATURES for name in row.names}
    unknown = {c.__name__ for c in own if not {k.__name__ for k in c.__mro__} & known}
    unknown -= {c.__name__ for c in own if f"ray.exceptions.{c.__name__}" in known}
    assert unknown == {
        "RayError", "RayTaskError", "UserCodeException", "CrossLanguageError", "AsyncioActorExit", "UnserializableException",
        "OufOfBandObjectRefSerializationException", "PendingCallsLimitExceeded", "ActorAlreadyExistsError",
        "ObjectRefStreamEndOfStreamError",
    }  # fmt: skip


def test_the_node_of_a_fault_is_known_where_ray_names_it():
    assert node_of(died(DEAD.format("SYSTEM_ERROR", VANISHED))) == "10.0.0.7"
    assert node_of(in_a_task(system(errno.ESTALE))) == "10.0.0.7"
    assert node_of(died(AT_START.format("ValueError: 1"))) == "10.0.0.7"
    assert node_of(in_a_task(system(errno.ESTALE), ip="fd00::7")) == "fd00::7"
    assert node_of(RuntimeError("anything")) is None


def test_an_error_that_quotes_itself_does_not_loop():
    error = RuntimeError("one")
    error.__cause__ = caused(RuntimeError("two"), error)
    assert classify(error).failure == "code"


def test_of_an_error_raised_on_purpose_people_see_its_sentences_and_no_traceback():
    error = TrialError("'loss' never came", why="output.log holds: los", fix="check trainable.keys")
    assert message_of(in_a_task(error)) == "'loss' never came\nwhy: output.log holds: los\nfix: check trainable.keys"
    assert message_of(error) == str(error)


def test_of_any_other_error_people_see_where_it_happened():
    assert 'File "a.py", line 3' in message_of(in_a_task(ValueError("no number")))
    assert message_of(ValueError("no number")) == "no number"
