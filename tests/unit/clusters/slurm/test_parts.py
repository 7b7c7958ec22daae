"""The launcher's parts one by one: allocation, memory, ports, addresses, token, the line that starts Ray."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.clusters.slurm.fake import FakeSlurm

from perch.clusters.slurm.node import address, ports, raynode, token
from perch.clusters.slurm.node.allocation import (
    MIB,
    Allocation,
    cgroup_limit,
    from_environment,
    require_gpus,
    visible_gpus,
)
from perch.errors import ClusterError


def allocation(**changes: Any) -> Allocation:
    """A worker's, on two nodes."""
    settings: dict[str, Any] = {
        "job_id": "5",
        "restart": 0,
        "node": 1,
        "nodes": 2,
        "host": "node2",
        "cpus": 4,
        "gpus": (),
        "memory_bytes": 8000 * MIB,
        "end_s": None,
    }
    return Allocation(**(settings | changes))


def test_slurms_variables_are_read(slurm: FakeSlurm) -> None:
    me = from_environment(slurm.environment(node=1, restart=2) | {"CUDA_VISIBLE_DEVICES": "2,5"})
    assert (me.node, me.nodes, me.host, me.cpus, me.restart) == (1, 2, "node2", 2, 2)
    assert me.gpus == ("2", "5")
    assert me.memory_bytes == 2048 * MIB
    assert me.end_s == 2_000_000_000
    assert not me.is_head


def test_outside_a_job_step_it_is_bad_input() -> None:
    with pytest.raises(ClusterError, match="inside a Slurm job step") as caught:
        from_environment({"SLURM_JOB_ID": "1"})
    assert caught.value.exit_code == 2


def test_two_tasks_on_a_node_are_refused(slurm: FakeSlurm) -> None:
    with pytest.raises(ClusterError, match="4 tasks were started on 2 nodes"):
        from_environment(slurm.environment(node=0) | {"SLURM_NTASKS": "4"})


def test_memory_per_cpu_counts_cpus(slurm: FakeSlurm) -> None:
    environment = slurm.environment(node=0) | {"SLURM_MEM_PER_NODE": "", "SLURM_MEM_PER_CPU": "100"}
    assert from_environment(environment).memory_bytes == 200 * MIB


@pytest.mark.parametrize(
    ("environment", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, ("0", "1")),
        ({"CUDA_VISIBLE_DEVICES": "GPU-8a,MIG-77"}, ("GPU-8a", "MIG-77")),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, ()),
        ({"ROCR_VISIBLE_DEVICES": "3"}, ("3",)),
        ({}, ()),
    ],
)
def test_gpus_are_those_that_are_visible(environment: dict[str, str], gpus: tuple[str, ...]) -> None:
    assert visible_gpus(environment) == gpus


def test_fewer_gpus_than_needed_is_bad_input() -> None:
    require_gpus(allocation(gpus=("0", "1")), 2)
    with pytest.raises(ClusterError, match="shows 1 GPUs to this job, 2 are needed") as caught:
        require_gpus(allocation(gpus=("0",)), 2)
    assert caught.value.exit_code == 2


def test_the_smallest_limit_of_the_jobs_cgroups_counts(tmp_path: Path) -> None:
    job = tmp_path / "slurm" / "job_5"
    (job / "step_0").mkdir(parents=True)
    (job / "step_0" / "memory.max").write_text("max\n")
    (job / "memory.max").write_text("5000\n")
    (tmp_path / "memory.max").write_text("9000\n")
    own = tmp_path / "own"
    own.write_text("0::/slurm/job_5/step_0\n")
    assert cgroup_limit(tmp_path, own) == 5000
    own.write_text("4:memory:/job\n")
    (tmp_path / "memory" / "job").mkdir(parents=True)
    (tmp_path / "memory" / "job" / "memory.limit_in_bytes").write_text("700\n")
    assert cgroup_limit(tmp_path, own) == 700


def test_two_jobs_get_two_blocks_and_a_released_one_is_free_again() -> None:
    first = ports.claim(start=40)
    second = ports.claim(start=40)
    assert first.first != second.first
    first.claim.close()
    third = ports.claim(start=40)
    assert third.first == first.first
    second.claim.close()
    third.claim.close()


def test_a_block_with_a_port_in_use_is_passed_over() -> None:
    block = ports.claim(start=60)
    block.claim.close()
    with socket.socket() as other:
        other.bind(("", block["metrics"]))
        other.listen()
        again = ports.claim(start=60)
    assert again.first != block.first
    again.claim.close()


def test_no_block_left_says_what_to_do() -> None:
    held = ports.claim(start=90)
    with pytest.raises(ClusterError, match="no block of 16 free ports"):
        ports.claim(first=held.first, last=held.first + 15)
    held.claim.close()


CLAIMS = """
import os, sys
from perch.clusters.slurm.node import ports
if os.getuid() == 0:
    os.setuid(int(sys.argv[1]))
block = ports.claim(start=int(sys.argv[2]))
print(block.first, flush=True)
sys.stdin.readline()
"""


def test_another_user_gets_another_block_and_a_killed_job_leaves_none_behind(tmp_path: Path) -> None:
    """Whatever lies in /tmp: nobody can make a claim's place first, or keep others from one."""
    own = ports.claim(start=120)
    words = [sys.executable, "-c", CLAIMS, "12345", "120"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as other:
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        assert theirs != own.first
        other.kill()
        other.wait()
    own.claim.close()
    again = ports.claim(start=(theirs - ports.FIRST) // ports.SIZE)
    assert again.first == theirs
    again.claim.close()


def test_a_claim_lets_nobody_in_and_is_not_inherited() -> None:
    block = ports.claim(start=150)
    assert not block.claim.get_inheritable()
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", block.first + ports.SIZE - 1))
    block.claim.close()


def test_the_blocks_lie_below_the_systems_own_ports() -> None:
    assert ports.LAST < 32_768
    assert len(ports.ROLES) < ports.SIZE, "the last port is the claim"


def test_alone_on_a_node_it_listens_on_loopback_only() -> None:
    assert address.own_ip(None, towards=None) == "127.0.0.1"


def test_an_interface_that_is_not_there_is_bad_input() -> None:
    assert address.own_ip("lo", towards=None) == "127.0.0.1"
    with pytest.raises(ClusterError, match="no address on the interface 'ib7'") as caught:
        address.own_ip("ib7", towards=None)
    assert caught.value.exit_code == 2
    assert "lo" in caught.value.why


def test_an_ipv6_address_is_bracketed() -> None:
    assert address.HeadAddress("fd00::1", 20000, 20010, "n").ray == "[fd00::1]:20000"
    assert address.HeadAddress("10.0.0.1", 20000, 20010, "n").ray == "10.0.0.1:20000"


def test_the_heads_address_arrives_whole(tmp_path: Path) -> None:
    path, there = tmp_path / "head-0.json", address.HeadAddress("10.0.0.1", 20000, 20010, "node1")
    address.publish(there, path)
    assert address.wait_for_head(path, timeout_s=1) == there
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["head-0.json"]


def test_a_head_that_failed_or_never_came_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="did not say where it is"):
        address.wait_for_head(tmp_path / "head-0.json", timeout_s=0.3)
    (tmp_path / "head-0.json").write_text('{"failed": "no ports"}')
    with pytest.raises(ClusterError, match="the head failed before it began"):
        address.wait_for_head(tmp_path / "head-0.json", timeout_s=1)


def test_a_living_machine_refuses_and_a_lost_one_is_silent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert address.answers("127.0.0.1", port, attempts=1)
    going_down = iter([ConnectionRefusedError(), TimeoutError(), OSError(errno.EHOSTUNREACH, "no route to host")])

    def connect(*_: object, **__: object) -> socket.socket:
        raise next(going_down)

    assert not address.answers("10.0.0.1", 9, attempts=3, every_s=0, connect=connect)


def test_the_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    secret = token.create(path)
    assert len(secret) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert token.read(path) == secret
    assert token.create(path) != secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    token.create(path)
    path.chmod(mode)
    with pytest.raises(ClusterError, match="not safe to use") as caught:
        token.read(path)
    assert caught.value.exit_code == 2


def test_rays_line_pins_every_port_and_carries_no_secret(tmp_path: Path) -> None:
    block = ports.PortBlock(20_000, socket.socket())
    line = raynode.command(allocation(node=0, gpus=("0", "1")), block, "10.0.0.1", tmp_path)
    assert {"--head", "--port=20000", "--num-cpus=4", "--num-gpus=2", "--include-dashboard=false"} <= set(line)
    numbers = [int(word.rpartition("=")[2]) for word in line if "-port=" in word]
    assert len(numbers) == len(set(numbers)) == 8
    assert all(20_000 <= number < 20_000 + ports.SIZE for number in numbers)
    head = address.HeadAddress("10.0.0.1", 20_000, 20_010, "node1")
    worker = raynode.command(allocation(), block, "10.0.0.2", tmp_path, head=head)
    assert "--address=10.0.0.1:20000" in worker
    assert not any(word.startswith(("--head", "--port=", "--include-dashboard")) for word in worker)


def test_memory_and_object_store_together_stay_within_the_job(tmp_path: Path) -> None:
    me = allocation(memory_bytes=8000 * MIB)
    line = raynode.command(me, ports.PortBlock(20_000, socket.socket()), "10.0.0.1", tmp_path)
    amounts = [
        int(word.rpartition("=")[2]) for word in line if word.startswith(("--memory=", "--object-store-memory="))
    ]
    assert len(amounts) == 2
    assert sum(amounts) <= me.memory_bytes


def test_every_process_of_the_job_wants_the_token_and_writes_nowhere_else(tmp_path: Path) -> None:
    base = {"HOME": "/home/x", "RAY_ADDRESS": "elsewhere", "ROCR_VISIBLE_DEVICES": "1"}
    result = raynode.environment(base, tmp_path, tmp_path / "token", nodes=2, interface="hsn0")
    assert result["RAY_AUTH_MODE"] == "token"
    assert result["RAY_AUTH_TOKEN_PATH"] == str(tmp_path / "token")
    assert result["TMPDIR"] == str(tmp_path)
    assert result["NCCL_SOCKET_IFNAME"] == result["GLOO_SOCKET_IFNAME"] == "hsn0"
    assert result["HIP_VISIBLE_DEVICES"] == "1"
    assert "ROCR_VISIBLE_DEVICES" not in result
    assert "RAY_ADDRESS" not in result
    assert "RAY_gcs_server_request_timeout_seconds" in raynode.environment(
        {}, tmp_path, tmp_path, nodes=100, interface=None
    )


def test_the_object_store_fits_into_shared_memory(tmp_path: Path) -> None:
    room = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    assert raynode.object_store_bytes(10 * room, tmp_path) <= room
    assert raynode.object_store_bytes(1000 * MIB, tmp_path) == 300 * MIB
