"""A private Ray listens on loopback alone, and what listens there gives nothing away without the token."""

import json
import subprocess
import sys
import uuid

import pytest
from tests.patience import LIMIT_S

LISTENING = """
import json, os, sys, time
import psutil
from perch.engine.ray_session import session, surroundings

with surroundings([]) as folder:
    import ray
    with session(folder, []):
        class Worker:
            def pid(self):
                return os.getpid()

        worker = ray.remote(Worker).remote()
        ray.get(worker.pid.remote())
        me = psutil.Process()
        logs = folder / "r" / "session_latest" / "logs"

        def processes():
            kinds = {"gcs_server": "gcs_server", "dashboard.py": "dashboard", "log_monitor.py": "log_monitor", "monitor.py": "monitor",
                     "raylet/raylet": "raylet", "DashboardAgent": "dashboard_agent"}
            for process in (me, *me.children(recursive=True)):
                words = " ".join(process.cmdline())
                yield process, next((kind for word, kind in kinds.items() if word in words), "")

        def sockets():
            found = []
            for process, name in processes():
                for c in process.net_connections(kind="inet"):
                    if c.status == psutil.CONN_LISTEN or not c.raddr:
                        found.append([c.laddr.ip, c.laddr.port, name])
            return found

        def settled():
            # The agent's two servers listen, or its log says which does not
            log = logs / "dashboard_agent.log"
            listen = [name for _, _, name in sockets()].count("dashboard_agent") >= 2
            return log.exists() and (listen or "error while attempting to bind" in log.read_text())

        end_s = time.monotonic() + 200
        while not settled():
            assert time.monotonic() < end_s, sockets()
            time.sleep(0.1)
        found = sockets()
        modes = [folder.stat().st_mode & 0o777, (folder / "token").stat().st_mode & 0o777]
        kinds = [name for _, name in processes() if name]
        print(json.dumps({"sockets": found, "modes": modes, "processes": kinds}), flush=True)
        sys.stdin.readline()
"""
ASK = """
import socket, sys
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

for port in sys.argv[2:]:
    for path in ("/metrics", "/", "/api/v0/nodes", "/logs", "/api/jobs/"):
        try:
            with urlopen(f"http://{sys.argv[1]}:{port}{path}", timeout=3) as answer:
                print(port, path, answer.status, flush=True)
        except HTTPError as error:
            print(port, path, error.code)
        except (URLError, OSError, ValueError) as error:
            print(port, path, "refused" if "refused" in str(error) else "none")
        except Exception as error:  # an answer that is not HTTP
            print(port, path, "none")
"""


@pytest.fixture(scope="module")
def listening():
    """What a private Ray listens on, while it is up."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        found = json.loads(process.stdout.readline())
        yield found
        process.stdin.write("\n")
        process.stdin.flush()


def ask(address, ports, *, where=()):
    """Every answer without a token, as (port, path) → status."""
    done = subprocess.run(
        [*where, sys.executable, "-c", ASK, address, *map(str, ports)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return {tuple(line.split()[:2]): line.split()[2] for line in done.stdout.splitlines()}


def test_every_socket_of_a_private_ray_is_on_loopback(listening):
    names = {name for _, _, name in listening["sockets"]}
    assert {"gcs_server", "raylet"} <= names, "else this test looks at the wrong processes"
    assert len(listening["sockets"]) >= 6
    assert {ip for ip, _, _ in listening["sockets"]} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}, listening["sockets"]


def test_it_starts_no_process_that_has_nothing_to_do(listening):
    """Neither an autoscaler's monitor, nor a server for a dashboard that is off, nor one that passes on the workers' output."""
    assert set(listening["processes"]) == {"dashboard_agent", "gcs_server", "raylet"}


def test_its_folder_and_its_token_are_closed_to_other_users(listening):
    assert listening["modes"] == [0o700, 0o600]


def test_on_this_machine_nothing_answers_without_the_token(listening):
    ports = sorted({port for _, port, _ in listening["sockets"]})
    answers = ask("127.0.0.1", ports)
    assert "refused" not in answers.values(), "it is up"
    assert {status for status in answers.values() if status.isdigit() and int(status) < 400} == set(), answers


@pytest.fixture
def elsewhere():
    """Another host: a network namespace, joined to this one by a pair of virtual cards. (Words to run there, our address)."""
    name = f"p{uuid.uuid4().hex[:6]}"
    steps = [
        ["netns", "add", name],
        ["link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b"],
        ["link", "set", f"{name}b", "netns", name],
        ["addr", "add", "198.51.100.1/30", "dev", f"{name}a"],
        ["link", "set", f"{name}a", "up"],
        ["-n", name, "addr", "add", "198.51.100.2/30", "dev", f"{name}b"],
        ["-n", name, "link", "set", f"{name}b", "up"],
    ]
    try:
        for step in steps:
            done = subprocess.run(["ip", *step], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"a network namespace needs root: ip {' '.join(step)}: {done.stderr.strip()}")
        yield ["ip", "netns", "exec", name], "198.51.100.1"
    finally:
        subprocess.run(["ip", "link", "del", f"{name}a"], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def test_from_another_host_every_port_is_refused(listening, elsewhere):
    where, address = elsewhere
    with subprocess.Popen([sys.executable, "-c", OPEN], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        control = int(server.stdout.readline())
        reached = ask(address, [control], where=where)
        server.kill()
    assert reached[str(control), "/"] == "200", "this host can be reached from there"
    ports = sorted({port for _, port, _ in listening["sockets"]})
    assert set(ask(address, ports, where=where).values()) == {"refused"}


OPEN = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass

server = HTTPServer(("", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
"""
