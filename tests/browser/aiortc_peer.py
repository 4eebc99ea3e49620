"""Watches or publishes a stream of `codec serve` with aiortc; prints what was counted as JSON.

usage: aiortc_peer.py watch|publish URL FRAMES [vp8|h264]
"""

import asyncio
import json
import sys
import urllib.request
from urllib.parse import urljoin

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
    VideoStreamTrack,
)
from av import VideoFrame

WIDTH, HEIGHT = 320, 240


class Stripes(VideoStreamTrack):
    """Stripes that move, for so many frames."""

    def __init__(self, frames):
        super().__init__()
        self.sent, self.frames = 0, frames
        self.done = asyncio.Event()
        self.luma = bytes(abs(at % 256 - 128) + 60 for at in range(WIDTH * HEIGHT + 1024))

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=WIDTH, height=HEIGHT)
        shift = 4 * self.sent % 1024
        luma, *chroma = frame.planes
        luma.update(self.luma[shift : shift + luma.buffer_size])
        for plane in chroma:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        self.sent += 1
        if self.sent >= self.frames:
            self.done.set()
        return frame


def ask(url, method, body=None):
    headers = {"content-type": "application/sdp"} if body else {}
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers.get("location"), answer.read().decode()


async def count(track, frames, results):
    while results["frames"] < frames:
        frame = await track.recv()
        results["frames"] += 1
        results["width"], results["height"] = frame.width, frame.height


async def main():
    mode, url, frames = sys.argv[1], sys.argv[2], int(sys.argv[3])
    wanted = sys.argv[4] if len(sys.argv) > 4 else "vp8"
    results = {"frames": 0}
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    track, counted = Stripes(frames), asyncio.Event()
    if mode == "watch":
        transceiver = pc.addTransceiver("video", direction="recvonly")

        @pc.on("track")
        def on_track(received):
            task = asyncio.ensure_future(count(received, frames, results))
            task.add_done_callback(lambda _: counted.set())
    else:
        transceiver = pc.addTransceiver(track, direction="sendonly")
    codecs = RTCRtpReceiver.getCapabilities("video").codecs
    names = (f"video/{wanted}", "video/rtx")
    transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType.lower() in names])
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.encode()
    session, answer = await asyncio.to_thread(ask, url, "POST", offer)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    try:
        await asyncio.wait_for((counted if mode == "watch" else track.done).wait(), 40)
        # The last frames are still in transit.
        await asyncio.sleep(0.5)
    except asyncio.TimeoutError:
        results["late"] = pc.connectionState
    if mode == "publish":
        results["frames"] = track.sent
        _, streams = await asyncio.to_thread(ask, urljoin(url, "/api/streams"), "GET")
        name = url.rsplit("/", 1)[1]
        results["stream"] = next((s for s in json.loads(streams)["streams"] if s["name"] == name), None)
    await asyncio.to_thread(ask, urljoin(url, session), "DELETE")
    await pc.close()
    print(json.dumps(results))


asyncio.run(main())
