#!/usr/bin/env python3
"""Measures how accurately `codec` and `vpxenc` keep a constant bitrate: a row for each clip, rate and encoder.

    benches/rate_control.py CODEC CLIP.y4m...

WebRTC's settings, 0.03 to 0.24 bits per pixel, one thread, no drops. Columns:

  average   error of the mean rate, in percent
  window    largest error of any second after the first, in percent
  key       largest key frame, in milliseconds of the rate; the cap is 300
  inter     largest other frame, likewise
  dry       frames at which a buffer of 1000 ms, 500 at the start, runs dry
"""

import os
import shlex
import struct
import subprocess
import sys
import tempfile

VPXENC = (
    "vpxenc --codec=vp8 --rt --ivf --passes=1 --end-usage=cbr --lag-in-frames=0 --min-q=2 --max-q=56 "
    "--undershoot-pct=100 --overshoot-pct=15 --buf-sz=1000 --buf-initial-sz=500 --buf-optimal-sz=600 "
    "--max-intra-rate=900 --kf-max-dist=3000 --static-thresh=1 --noise-sensitivity=0 --token-parts=0 "
    "--drop-frame=0 --threads=1 --cpu-used=-6 --target-bitrate={kbps} -q -o {out} {clip}"
)
CODEC = "{codec} encode {clip} -o {out} --preset rtc -j 1 -b {kbps}k -y --quiet"


def clip_facts(path):
    """Pixels and frames per second."""
    with open(path, "rb") as file:
        header = file.readline()
    words = {word[:1]: word[1:] for word in header.decode().split()[1:]}
    width, height = int(words["W"]), int(words["H"])
    num, den = words["F"].split(":")
    return width * height, int(num) / int(den)


def frames_of(path):
    """Bits of each frame, and whether it is a key frame."""
    with open(path, "rb") as file:
        data = file.read()
    at, frames = 32, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        frames.append((8 * size, data[at + 12] & 1 == 0))
        at += 12 + size
    return frames


def measure(frames, rate, fps):
    bits = [size for size, _ in frames]
    second = round(fps)
    windows = [sum(bits[i : i + second]) for i in range(second, len(bits) - second + 1)]
    level, dry = rate / 2, 0
    for n, size in enumerate(bits):
        level = min(rate, level + (rate / fps if n else 0)) - size
        dry += level < 0
    largest = lambda key: 1000 * max((size for size, k in frames if k == key), default=0) / rate
    return {
        "average": 100 * (sum(bits) * fps / len(bits) / rate - 1),
        "window": 100 * max((abs(window / rate - 1) for window in windows), default=0),
        "key": largest(True),
        "inter": largest(False),
        "dry": dry,
    }


def main():
    codec, clips = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as place:
        out = os.path.join(place, "out.ivf")
        for clip in clips:
            pixels, fps = clip_facts(clip)
            for bpp in (0.03, 0.06, 0.12, 0.24):
                kbps = round(bpp * pixels * fps / 1000)
                for name, command in (("libvpx", VPXENC), ("codec", CODEC)):
                    words = [
                        word.format(codec=codec, clip=clip, out=out, kbps=kbps)
                        for word in shlex.split(command)
                    ]
                    subprocess.run(words, check=True)
                    measured = measure(frames_of(out), 1000 * kbps, fps)
                    cells = "  ".join(f"{key} {value:7.1f}" for key, value in measured.items())
                    print(f"{os.path.basename(clip):28} {kbps:6} kb/s  {name:6}  {cells}", flush=True)


if __name__ == "__main__":
    main()
