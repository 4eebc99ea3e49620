#!/usr/bin/env python3
"""Compares two builds: is one slower, or does it need more bits? One verdict in a few minutes.

    benches/guard.py                  the working tree against the last commit on main
    benches/guard.py v0.1.0           the working tree against a revision
    benches/guard.py BASE NEW         revisions, or paths of `codec` binaries

Revisions are built by `cargo build --release` in separate work trees below `target/guard`. Both builds
encode three synthetic clips, and three real ones if CODEC_TEST_DATA and ffmpeg are available (or those
of --clip), at four bitrates and speeds 9, 7 and 5, on one thread, and decode the streams of the first
build, interleaved. The comparison covers

  encoding and decoding: CPU time, or instructions if `perf stat` can count them: the minimum of
  several interleaved rounds, geometric mean over clips and rates;
  BD-rate of luma PSNR (PCHIP) at equal speed settings: mean over the clips, and the worst clip.

If only a time fails, it is measured again with twice the rounds before it counts.
Exit status: 0 passed, 1 failed, 2 no verdict.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEEDS = (9, 7, 5)
FRAMES = 60
SIZE = "640x360"
# Scene of `codec generate`, and bits per pixel: below the point at which quality stops growing.
SCENES = {
    "talking-head": (0.01, 0.02, 0.04, 0.08),
    "texture-pan": (0.03, 0.06, 0.12, 0.24),
    "scene-cuts": (0.03, 0.06, 0.12, 0.24),
}
REAL_CLIPS = ("talk_carphone_176x144", "talk_studio_352x288", "motion_bus_352x288")
REAL_RATES = (0.03, 0.06, 0.12, 0.24)


class CannotTell(Exception):
    """The comparison could not be made."""


# ---------------------------------------------------------------- builds


def run(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise CannotTell(f"{' '.join(map(str, argv))}\n{done.stderr.strip()}")
    return done.stdout


def build(directory, target):
    print(f"building {directory}", file=sys.stderr)
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target))
    command = ["cargo", "build", "--release", "--locked", "-q", "-p", "codec-cli"]
    run(command, cwd=directory, env=environment)
    return target / "release" / "codec"


def binary(what):
    """Returns a path unchanged; builds a revision; without an argument builds the working tree."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    if what is None:
        return build(ROOT, target)
    if Path(what).is_file():
        return Path(what).resolve()
    revision = run(["git", "-C", ROOT, "rev-parse", "--verify", f"{what}^{{commit}}"]).strip()
    kept = target / "guard" / f"codec-{revision[:16]}"
    if not kept.exists():
        tree = target / "guard" / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        run(["git", "-C", ROOT, "worktree", "prune"])
        run(["git", "-C", ROOT, "worktree", "add", "--detach", tree, revision])
        try:
            shutil.copy2(build(tree, target / "guard" / "build"), kept)
        finally:
            run(["git", "-C", ROOT, "worktree", "remove", "--force", tree])
    return kept


# ---------------------------------------------------------------- measuring


def counts_instructions():
    probe = ["perf", "stat", "-x,", "-e", "instructions:u", "true"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True)
    except OSError:
        return False
    return done.returncode == 0 and done.stderr.split(",")[0].isdigit()


def cpu_seconds(argv):
    """User and system time of a child with all its threads."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise CannotTell(f"exit status {child.returncode}: {' '.join(map(str, argv))}")
    return usage.ru_utime + usage.ru_stime


def instructions(argv):
    command = ["perf", "stat", "-x,", "-e", "instructions:u", "--", *argv]
    done = subprocess.run(command, capture_output=True, text=True)
    count = done.stderr.strip().splitlines()[-1].split(",")[0] if done.stderr else ""
    if done.returncode != 0 or not count.isdigit():
        raise CannotTell(f"perf stat: {done.stderr}")
    return int(count)


def encode(codec, clip, speed, kbps, output):
    return [
        codec, "encode", clip, "-o", output, "--preset", "rtc", "--speed", str(speed),
        "-j", "1", "-b", f"{kbps}k", "-y", "--quiet",
    ]  # fmt: skip


def decode(codec, stream):
    return [codec, "decode", stream, "--null", "-j", "1", "--quiet"]


class Pairs:
    """Pairs of commands whose costs are compared, with the minimum cost of each."""

    def __init__(self, meter):
        self.meter = meter
        self.pairs = []
        self.least = []

    def add(self, base, new):
        self.pairs.append((base, new))
        self.least.append([math.inf, math.inf])

    def measure(self, rounds):
        for turn in range(rounds):
            for pair, least in zip(self.pairs, self.least):
                for side in ((0, 1), (1, 0))[turn % 2]:
                    least[side] = min(least[side], self.meter(pair[side]))

    def ratio(self):
        """How much the new build costs, as a multiple of the old one."""
        logs = [math.log(new / base) for base, new in self.least]
        return math.exp(sum(logs) / len(logs))


# ---------------------------------------------------------------- BD-rate


def slopes(x, y):
    """Slopes of a monotonous cubic through the points (Fritsch and Carlson)."""
    h = [b - a for a, b in zip(x, x[1:])]
    d = [(b - a) / w for a, b, w in zip(y, y[1:], h)]
    if len(d) == 1:
        return [d[0], d[0]]
    inner = []
    for (h0, h1), (d0, d1) in zip(zip(h, h[1:]), zip(d, d[1:])):
        w0, w1 = 2 * h1 + h0, h1 + 2 * h0
        inner.append((w0 + w1) / (w0 / d0 + w1 / d1) if d0 * d1 > 0 else 0.0)

    def end(h0, h1, d0, d1):
        slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
        if slope * d0 <= 0:
            return 0.0
        return 3 * d0 if d0 * d1 < 0 and abs(slope) > abs(3 * d0) else slope

    return [end(h[0], h[1], d[0], d[1]), *inner, end(h[-1], h[-2], d[-1], d[-2])]


def integral(x, y, low, high):
    """Of the cubic through the points, from `low` to `high`."""
    total, m = 0.0, slopes(x, y)
    for i in range(len(x) - 1):
        h = x[i + 1] - x[i]
        d = (y[i + 1] - y[i]) / h
        c2 = (3 * d - 2 * m[i] - m[i + 1]) / h
        c3 = (m[i] + m[i + 1] - 2 * d) / (h * h)
        a, b = (min(max(edge, x[i]), x[i + 1]) - x[i] for edge in (low, high))

        def area(t):
            return y[i] * t + m[i] * t**2 / 2 + c2 * t**3 / 3 + c3 * t**4 / 4

        total += area(b) - area(a)
    return total


def bd_rate(base, new):
    """By how many percent `new` needs more bits. Both: pairs of kbit/s and dB."""
    curves = []
    for points in (base, new):
        points = sorted((psnr, math.log(kbps)) for kbps, psnr in points)
        rising = [p for i, p in enumerate(points) if i == 0 or p[0] > points[i - 1][0]]
        curves.append(list(zip(*rising)))
    (qa, ra), (qb, rb) = curves
    low, high = max(qa[0], qb[0]), min(qa[-1], qb[-1])
    if low >= high:
        raise CannotTell("the qualities of both builds do not overlap")
    gap = (integral(qb, rb, low, high) - integral(qa, ra, low, high)) / (high - low)
    return 100 * math.expm1(gap)


# ---------------------------------------------------------------- the comparison


def make_clips(args, codec, directory):
    """Paths of clips with the bits per pixel to code them at."""
    if args.clip:
        return {Path(path): REAL_RATES for path in args.clip}
    clips = {}
    for scene, rates in SCENES.items():
        path = directory / f"{scene}.y4m"
        size = ["--size", SIZE, "-n", str(FRAMES)]
        run([codec, "generate", scene, "-o", path, *size, "--quiet", "-y"])
        clips[path] = rates
    data = os.environ.get("CODEC_TEST_DATA")
    if data and shutil.which("ffmpeg"):
        for name in REAL_CLIPS:
            source, path = Path(data) / "clips" / f"{name}.mkv", directory / f"{name}.y4m"
            if source.exists():
                cut = ["-frames:v", str(2 * FRAMES), "-pix_fmt", "yuv420p", path]
                run(["ffmpeg", "-v", "error", "-y", "-i", source, *cut])
                clips[path] = REAL_RATES
    return clips


def rates_of(clip, bits_per_pixel):
    with open(clip, "rb") as file:
        header = file.readline().decode().split()
    field = {word[0]: word[1:] for word in header[1:]}
    numerator, denominator = map(int, field["F"].split(":"))
    pixels = int(field["W"]) * int(field["H"]) * numerator / denominator
    return [max(8, round(pixels * bpp / 1000)) for bpp in bits_per_pixel]


def compare(args, base, new, directory):
    meter = instructions if counts_instructions() and not args.time else cpu_seconds
    what = "instructions" if meter is instructions else "CPU time"
    clips = make_clips(args, new, directory)
    costs = {f"encoding, speed {speed}": Pairs(meter) for speed in SPEEDS}
    costs["decoding"] = Pairs(meter)
    bd_rates = {speed: {} for speed in SPEEDS}
    scratch = directory / "scratch.ivf"
    for clip, rates in clips.items():
        for speed in SPEEDS:
            curves = ([], [])
            for kbps in rates_of(clip, rates):
                stream = directory / f"{clip.stem}-{speed}-{kbps}.ivf"
                for codec, curve, output in zip((base, new), curves, (stream, scratch)):
                    report = directory / "report.json"
                    run([*encode(codec, clip, speed, kbps, output), "--report", report])
                    summary = json.loads(report.read_text())["summary"]
                    curve.append((summary["kbps"], summary["psnr_y"]))
                pair = [encode(codec, clip, speed, kbps, scratch) for codec in (base, new)]
                costs[f"encoding, speed {speed}"].add(*pair)
                costs["decoding"].add(decode(base, stream), decode(new, stream))
            bd_rates[speed][clip.stem] = bd_rate(*curves)

    failures = 0

    def line(name, value, limit, passed):
        nonlocal failures
        failures += not passed
        print(f"{'ok  ' if passed else 'FAIL'}  {name:<44} {value:>9}   at most {limit}")

    for name, pairs in costs.items():
        pairs.measure(args.rounds)
        if pairs.ratio() > args.max_cost:
            pairs.measure(2 * args.rounds)
        ratio = pairs.ratio()
        line(f"{name}: {what}", f"{ratio:.3f}", f"{args.max_cost:.3f}", ratio <= args.max_cost)
    for speed, of_clips in bd_rates.items():
        mean = sum(of_clips.values()) / len(of_clips)
        worst = max(of_clips, key=of_clips.get)
        limit, worst_limit = args.max_bdrate, args.max_clip_bdrate
        line(f"BD-rate, speed {speed}: mean", f"{mean:+.2f} %", f"{limit:+.2f} %", mean <= limit)
        name = f"BD-rate, speed {speed}: {worst}"
        value = of_clips[worst]
        line(name, f"{value:+.2f} %", f"{worst_limit:+.2f} %", value <= worst_limit)
    verdict = f"FAIL: {failures} of {len(costs) + 2 * len(SPEEDS)}" if failures else "PASS"
    print(verdict)
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", nargs="?", default="main", help="revision or binary; main")
    parser.add_argument("new", nargs="?", help="revision or binary; the working tree")
    parser.add_argument("--clip", action="append", help="a y4m file in place of the usual clips")
    parser.add_argument("--rounds", type=int, default=4, help="4; the least of them counts")
    parser.add_argument("--time", action="store_true", help="CPU time even if perf counts")
    parser.add_argument("--max-cost", type=float, default=1.03, help="times the base's: 1.03")
    parser.add_argument("--max-bdrate", type=float, default=0.5, help="percent, mean: 0.5")
    parser.add_argument("--max-clip-bdrate", type=float, default=2.0, help="percent, worst: 2")
    args = parser.parse_args()
    try:
        base, new = binary(args.base), binary(args.new)
        print(f"base {base}\nnew  {new}")
        with tempfile.TemporaryDirectory(prefix="codec-guard-") as directory:
            return compare(args, base, new, Path(directory))
    except (CannotTell, OSError, KeyError, ValueError) as error:
        print(f"cannot tell: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
