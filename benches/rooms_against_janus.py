#!/usr/bin/env python3
"""CPU time of a room of `codec serve` and of Janus's videoroom with the same pages of Chromium, in turns.

    benches/rooms_against_janus.py CODEC JANUS [--publishers 4] [--viewers 0] [--seconds 20] [--runs 5] [--kbps 700]

JANUS is the folder into which the Debian package `janus` and the packages that it depends on are unpacked; nothing is
installed. All other publishers are watched by each page in the largest size, 640x360 at 30 frames per second. Several
publishers send two sizes (simulcast), a single publisher one. Columns, for each run and server:

  core      CPU time of the server's process per second
  out       packets of video that it sends per second, as the pages count them
  us        CPU time per such packet, in microseconds
  in        packets of video that it receives per second
  decoded   decoded frames, in percent of the frames that the publishers encoded in the largest size; worst page
  freezes   of all pages, as getStats counts them
  load      load average of the machine afterwards

The last lines have the medians and their ratio. Chromium runs in tests/browser (npm ci).
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BROWSER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "browser"
# Longest time for a server to start, and for a run beyond its measured time.
START_S = 20
RUN_S = 180

JANUS_CONFIG = """
general: {{
  plugins_folder = "{lib}/janus/plugins"
  transports_folder = "{lib}/janus/transports"
  events_folder = "{lib}/janus/events"
  loggers_folder = "{lib}/janus/loggers"
  debug_level = 2
}}
nat: {{ ice_lite = true }}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "libjanus_websockets.so,libjanus_pfunix.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_rabbitmq.so" }}
"""
JANUS_HTTP = """
general: {{ json = "compact" base_path = "/janus" http = true port = {port} ip = "127.0.0.1" https = false }}
admin: {{ admin_http = false }}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url, process):
    """Waits until the server answers."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            message = process.stderr.read()
            sys.exit(f"{process.args[0]} ended with status {process.returncode} while it started\n{message}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"no answer at {url} within {START_S} s")


@contextlib.contextmanager
def started(arguments, url_to_wait_for):
    """A server, which is ended at the end of the block."""
    process = subprocess.Popen(
        [*map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(url_to_wait_for, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def codec_server(codec, _folder):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with started([codec, "serve", "--listen", f"127.0.0.1:{port}", "--quiet"], f"{url}/health") as pid:
        yield f"{url}/", pid


@contextlib.contextmanager
def janus_server(janus, folder):
    lib = janus / "usr" / "lib" / "x86_64-linux-gnu"
    port = free_port()
    plugins = (file.name for file in (lib / "janus" / "plugins").glob("*.so") if "videoroom" not in file.name)
    (folder / "janus.jcfg").write_text(JANUS_CONFIG.format(lib=lib, other_plugins=",".join(plugins)))
    (folder / "janus.transport.http.jcfg").write_text(JANUS_HTTP.format(port=port))
    # The packages are newer than the system: they need their own C library, and its loader.
    loader = [lib / "ld-linux-x86-64.so.2", "--library-path", lib]
    program = [janus / "usr" / "bin" / "janus", "--configs-folder", folder, "--config", folder / "janus.jcfg"]
    url = f"http://127.0.0.1:{port}/janus"
    with started([*loader, *program], f"{url}/info") as pid:
        yield url, pid


def one_run(name, server, camera, options):
    """Measurements of one run: a value for each column."""
    with tempfile.TemporaryDirectory() as folder, server(pathlib.Path(folder)) as (url, pid):
        numbers = [options.publishers, options.viewers, options.seconds, options.kbps]
        command = ["node", BROWSER / "rooms_load.mjs", name, url, pid, camera, *numbers]
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, check=False, timeout=RUN_S + options.seconds
        )
    if done.returncode != 0:
        sys.exit(f"{name}: the browser's script failed\n{done.stderr}")
    seen = json.loads(done.stdout)
    pages, seconds = seen["pages"], seen["seconds"]
    watching = [page for page in pages if page["expected"]]
    out = sum(page["packetsOut"] for page in pages)
    return {
        "core": seen["cpuSeconds"] / seconds,
        "out": out / seconds,
        "us": 1e6 * seen["cpuSeconds"] / max(out, 1),
        "in": sum(page["packetsIn"] for page in pages) / seconds,
        "decoded": min(100 * page["decoded"] / page["expected"] for page in watching),
        "freezes": sum(page["freezes"] for page in pages),
        "load": os.getloadavg()[0],
    }


def row(name, values):
    return (
        f"{name:<14}{values['core']:>8.4f}{values['out']:>8.0f}{values['us']:>8.1f}{values['in']:>8.0f}"
        f"{values['decoded']:>9.1f}{values['freezes']:>9.0f}{values['load']:>7.1f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codec", type=pathlib.Path)
    parser.add_argument("janus", type=pathlib.Path)
    parser.add_argument("--publishers", type=int, default=4)
    parser.add_argument("--viewers", type=int, default=0, help="pages that only watch")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--kbps", type=int, default=700, help="limit of the largest size of a camera")
    options = parser.parse_args()
    codec, janus = options.codec.resolve(), options.janus.resolve()
    servers = {
        "codec": lambda folder: codec_server(codec, folder),
        "janus": lambda folder: janus_server(janus, folder),
    }
    results = {name: [] for name in servers}
    with tempfile.TemporaryDirectory() as folder:
        camera = pathlib.Path(folder) / "camera.y4m"
        scene = [codec, "generate", "texture-pan", "--size", "640x360", "--fps", "30", "-n", "90", "--quiet"]
        subprocess.run([*map(str, scene), "-o", str(camera)], check=True)
        print(f"{'':<14}{'core':>8}{'out':>8}{'us':>8}{'in':>8}{'decoded':>9}{'freezes':>9}{'load':>7}", flush=True)
        for run in range(options.runs):
            # Each server goes first in every second run.
            order = list(servers) if run % 2 == 0 else list(reversed(servers))
            for name in order:
                values = one_run(name, servers[name], camera, options)
                results[name].append(values)
                print(row(f"{name} {run + 1}", values), flush=True)
    medians = {
        name: {column: statistics.median(run[column] for run in runs) for column in runs[0]}
        for name, runs in results.items()
    }
    for name, values in medians.items():
        print(row(f"{name}, median", values))
    ratios = [medians["codec"][column] / medians["janus"][column] for column in ("core", "us")]
    print(f"codec / Janus: {ratios[0]:.2f} of the CPU time, {ratios[1]:.2f} per packet")


if __name__ == "__main__":
    main()
