"""What a failure looks like and whose it is: one row for each kind, the first that fits names a failure.

Exception classes are known by name, bare or with their module, so that nothing heavy is imported. Numbers are those of
``OSError.errno``. Words are looked for in the messages of libraries only (see ``failure.LIBRARIES``): a trainable's own
``ValueError`` may quote anything. Texts are those of CUDA 12 and 13 (``cudaGetErrorString``), ROCm, NCCL 2, Linux (``strerror``),
PyTorch 2 and Ray 2.60.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import Final, Literal

from perch.vocabulary import CODE, DATA, DIVERGED, GPU, LOST, NETWORK, OUT_OF_MEMORY, STORAGE

Whose = Literal["trial", "machine", "unknown"]
"""``trial``: it fails wherever it runs. ``machine``: not its fault, it is tried again. ``unknown``: it is tried once more."""

TRIAL: Final = "trial"
MACHINE: Final = "machine"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of failure. It fits when a class name, a number or the words do.

    ``shared``: whose it is where several trials share the device, if that makes a difference: it is then tried once more alone.
    """

    failure: str
    whose: Whose
    names: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    words: re.Pattern[str] | None = None
    shared: Whose | None = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _numbers(text: str) -> frozenset[int]:
    return frozenset(getattr(errno, name) for name in text.split())


def _words(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


SIGNATURES: Final[tuple[Signature, ...]] = (
    Signature(DIVERGED, TRIAL, names=_names("Diverged")),
    # --- memory -----------------------------------------------------------------------------------------------------
    Signature(  # Ray's memory monitor ends a worker when its node runs out: which trial took the memory, it does not know
        OUT_OF_MEMORY, UNKNOWN, names=_names("ray.exceptions.OutOfMemoryError"), words=_words("running low on memory")
    ),
    Signature(  # a device's memory: a neighbour may have taken it
        OUT_OF_MEMORY,
        TRIAL,
        names=_names("torch.OutOfMemoryError torch.cuda.OutOfMemoryError"),
        words=_words(
            r"(CUDA|HIP|XPU|MPS|NCCL)( error:| backend)? out of memory", "cudaErrorMemoryAllocation", "hipErrorOutOfMemory",
            "(CUBLAS|CUDNN|HIPBLAS|ROCBLAS)_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_HOST_ALLOCATION_FAILED|MEMORY_ERROR)",
        ),
        shared=UNKNOWN,
    ),
    Signature(  # torch's loaders pass tensors through /dev/shm, which all of a node's trials share
        OUT_OF_MEMORY, UNKNOWN, words=_words("out of shared memory", r"insufficient shared memory", "unable to mmap .* bytes")
    ),
    Signature(
        OUT_OF_MEMORY,
        TRIAL,
        names=_names("MemoryError OutOfMemoryError"),
        numbers=_numbers("ENOMEM"),
        words=_words("out of memory", "(cannot|can't) allocate memory", "not enough memory"),
    ),
    # --- file systems -----------------------------------------------------------------------------------------------
    Signature(
        STORAGE,
        MACHINE,
        names=_names("OutOfDiskError"),
        numbers=_numbers("ESTALE EIO ENOSPC EDQUOT EREMOTEIO ENOTCONN ENOLINK ESHUTDOWN ENODEV ENXIO EUCLEAN"),
        words=_words(
            "stale (NFS )?file handle", "input/output error", "no space left on device", "disk quota exceeded",
            "remote I/O error", "transport endpoint is (not connected|shutdown)", "structure needs cleaning",
            "PytorchStreamWriter failed",
        ),
    ),
    Signature(  # remounted after an error, or never meant to be written; a leak of the trial's own, or of another's
        STORAGE,
        UNKNOWN,
        numbers=_numbers("EROFS EMFILE ENFILE EBUSY ETXTBSY ENOLCK"),
        words=_words("read-only file system", "too many open files", "no locks available"),
    ),
    # --- networks ---------------------------------------------------------------------------------------------------
    Signature(CODE, TRIAL, words=_words("ncclInvalid(Usage|Argument)", "NCCL.*invalid (usage|argument)")),
    Signature(
        NETWORK,
        MACHINE,
        names=_names("DistNetworkError DistStoreError RpcError GetTimeoutError RayChannelTimeoutError"),
        numbers=_numbers("ENETDOWN ENETUNREACH EHOSTDOWN EHOSTUNREACH ENETRESET"),
        words=_words(
            "nccl(System|Internal|Remote|UnhandledCuda)Error", "NCCL (error|timeout|communicator was aborted)",
            "unhandled (system|cuda) error", "collective operation timeout", r"gloo.*(connection|timed out|timeout)",
            "(network|host) is unreachable", "no route to host",
        ),
    ),
    Signature(  # the cluster's, or a service of the trial's own choosing that is not there
        NETWORK,
        UNKNOWN,
        names=_names("DistBackendError ConnectionError TimeoutError socket.gaierror"),
        numbers=_numbers("ETIMEDOUT ECONNREFUSED ECONNRESET ECONNABORTED EPIPE"),
        words=_words("connection (reset|refused|closed|timed out)", "temporary failure in name resolution"),
    ),
    # --- GPUs -------------------------------------------------------------------------------------------------------
    Signature(CODE, TRIAL, words=_words("device-side assert triggered", r"(CUDA|HIP) error: invalid (configuration )?argument")),
    Signature(
        GPU,
        MACHINE,
        names=_names("DeviceError"),
        words=_words(
            r"\bECC\b", "unspecified launch failure", "launch timed out", "launch failure", "(LaunchFailure|LaunchTimeout)",
            "devices?(\\(s\\))? (is/are|are|is) (busy|unavailable)", "no (CUDA|HIP|ROCm)-capable device", "no (CUDA|HIP) GPUs are available",
            "driver version is insufficient", "(driver|CUDA|HIP)( error:)? initialization (error|failed)", "CUDA (error: )?unknown error",
            "system not yet initialized", "system driver mismatch", "hardware stack error", "GPU is lost", "fallen off the bus",
            "requires? (a )?reset", "NVML", "NVLink", "no kernel image is available", "cudaErrorDevicesUnavailable",
            "HSA_STATUS_ERROR", "forward compatibility was attempted", "peer access is not supported",
        ),
    ),
    Signature(  # an index out of bounds in a kernel, or a device that returns nonsense
        GPU,
        UNKNOWN,
        words=_words(
            "illegal memory access", "illegal address", "misaligned address", "illegal instruction", "invalid program counter",
            "(CUBLAS|CUDNN|CUSOLVER|CUSPARSE|CUFFT|HIPBLAS|ROCBLAS|MIOPEN)_?(STATUS)?_"
            "(EXECUTION_FAILED|INTERNAL_ERROR|NOT_INITIALIZED|MAPPING_ERROR|EXEC_FAILED|ARCH_MISMATCH|UnknownError)",
        ),
    ),
    Signature(DATA, TRIAL, names=_names("DataError")),
    # --- signals, and processes that end ------------------------------------------------------------------------------
    Signature(LOST, MACHINE, names=_names("EndedFromOutside"), words=_words("receives a SIGTERM", "preempted")),
    Signature(CODE, TRIAL, words=_words("exits with an exit code", r"exit_actor\(\) is called")),
    Signature(  # of a process that the trial had started, or could not start
        LOST, UNKNOWN, numbers=_numbers("EAGAIN"), words=_words("can't start new thread", r"died with <?Signals\.SIG", "(killed|terminated) by signal", r"DataLoader worker \(pid.*exited unexpectedly")
    ),
    # --- Ray's own --------------------------------------------------------------------------------------------------
    Signature(
        LOST,
        MACHINE,
        names=_names(
            "RayActorError ActorDiedError ActorUnavailableError ActorUnschedulableError TaskUnschedulableError WorkerCrashedError "
            "NodeDiedError LocalRayletDiedError ObjectLostError OwnerDiedError ObjectStoreFullError PlasmaObjectNotAvailable "
            "ActorPlacementGroupRemoved TaskPlacementGroupRemoved TaskCancelledError RaySystemError "
            "RuntimeEnvSetupError AuthenticationError ActorHandleNotFoundError"
        ),
    ),
)  # fmt: skip
"""In order: what says more comes first. What fits none is the trial's own: ``code``."""
