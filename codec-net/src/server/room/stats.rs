//! Statistics of a live stream: rates over a second, and properties of its frames.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::frame::Size;
use serde_json::{Value, json};

use super::super::media::{FrameInfo, VideoFrame};

/// The averaging window of rates.
const WINDOW: Duration = Duration::from_secs(1);
/// Maximum number of frames in the window.
const MAX_FRAMES: usize = 512;

/// Measures a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamMeter {
    recent: VecDeque<(Duration, u64, bool)>,
    stats: StreamStats,
}

/// The statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StreamStats {
    pub frames: u64,
    pub key_frames: u64,
    pub bytes: u64,
    pub audio_packets: u64,
    pub size: Option<Size>,
    /// Quantiser index of the last frame, 0..=127; VP8 only.
    pub qindex: Option<u8>,
    /// Number of temporal layers seen.
    pub layers: u8,
    /// Number of spatial layers of the last superframe's stream; 0 if it states none.
    pub spatial_layers: u8,
    /// Bitrate of video and audio over the last second.
    pub bits_per_second: u64,
    /// Frames in the last second.
    pub frames_per_second: u32,
}

impl StreamMeter {
    /// Counts a frame at `now`.
    pub(super) fn video(&mut self, now: Duration, frame: &VideoFrame, read: Option<FrameInfo>) {
        self.stats.frames += 1;
        self.stats.key_frames += u64::from(frame.key);
        self.stats.layers = self.stats.layers.max(frame.temporal_id.saturating_add(1));
        self.stats.spatial_layers = frame.vp9.as_ref().map_or(0, |picture| picture.spatial_layers);
        if let Some(read) = read {
            self.stats.qindex = read.qindex;
            let top = frame.vp9.as_ref().and_then(|picture| picture.size);
            self.stats.size = top.or(read.size).or(self.stats.size);
        }
        self.add(now, frame.data.len() as u64, true);
    }

    /// Counts an audio packet at `now`.
    pub(super) fn audio(&mut self, now: Duration, bytes: usize) {
        self.stats.audio_packets += 1;
        self.add(now, bytes as u64, false);
    }

    fn add(&mut self, now: Duration, bytes: u64, is_frame: bool) {
        self.stats.bytes += bytes;
        self.recent.push_back((now, bytes, is_frame));
        if self.recent.len() > MAX_FRAMES {
            self.recent.pop_front();
        }
    }

    /// The statistics at `now`.
    pub(super) fn stats(&mut self, now: Duration) -> StreamStats {
        while self.recent.front().is_some_and(|(at, _, _)| now.saturating_sub(*at) >= WINDOW) {
            self.recent.pop_front();
        }
        self.stats.bits_per_second = self.recent.iter().map(|(_, bytes, _)| 8 * bytes).sum();
        let frames = self.recent.iter().filter(|(_, _, is_frame)| *is_frame).count();
        self.stats.frames_per_second = u32::try_from(frames).unwrap_or(u32::MAX);
        self.stats
    }
}

impl StreamStats {
    /// The statistics as JSON, with the names used by the page.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "frames": self.frames,
            "keyFrames": self.key_frames,
            "bytes": self.bytes,
            "audioPackets": self.audio_packets,
            "width": self.size.map(|size| size.width),
            "height": self.size.map(|size| size.height),
            "qindex": self.qindex,
            "layers": self.layers,
            "spatialLayers": self.spatial_layers,
            "bitsPerSecond": self.bits_per_second,
            "framesPerSecond": self.frames_per_second,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn rates_cover_the_last_second() {
        let mut meter = StreamMeter::default();
        let frame = |key| VideoFrame {
            data: Bytes::from_static(&[0; 100]),
            key,
            temporal_id: u8::from(!key),
            ..VideoFrame::default()
        };
        for n in 0..60_u32 {
            meter.video(Duration::from_secs(1) * n / 30, &frame(n == 0), None);
        }
        let stats = meter.stats(Duration::from_millis(1999));
        assert_eq!((stats.frames, stats.key_frames, stats.layers), (60, 1, 2));
        assert_eq!(stats.frames_per_second, 30);
        assert_eq!(stats.bits_per_second, 24_000);
        assert_eq!(meter.stats(Duration::from_secs(10)).bits_per_second, 0);
    }
}
