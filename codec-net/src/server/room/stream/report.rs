//! Statistics of a stream and the state of its recording, also as JSON.

use codec_core::codec::Bitrate;
use serde_json::{Value, json};

use super::super::locked;
use super::super::stats::StreamStats;
use super::Stream;
use super::small_rendition::SmallRenditionState;

/// Statistics of the server's own decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DecoderStats {
    pub frames: u64,
    pub shown: u64,
    pub errors: u64,
    pub concealed_mbs: u64,
}

impl Stream {
    /// Returns the current statistics of the stream, and its number of viewers.
    #[must_use]
    pub fn stats(&self) -> (StreamStats, usize) {
        let mut state = locked(&self.state);
        let stats = state.meter.stats(self.clock.now());
        (stats, state.external_viewers())
    }

    /// Sets the bitrate at which the publisher encodes without limits.
    pub(in super::super::super) fn set_nominal_bitrate(&self, bitrate: Bitrate) {
        locked(&self.state).peak_bitrate = bitrate.0;
    }

    /// The highest bitrate of the stream so far, or its nominal one; 0 at the start.
    #[must_use]
    pub fn peak_bitrate(&self) -> Bitrate {
        let mut state = locked(&self.state);
        let now = state.meter.stats(self.clock.now()).bits_per_second;
        state.peak_bitrate = state.peak_bitrate.max(now);
        Bitrate(state.peak_bitrate)
    }

    /// Statistics of the server's own decoder so far, if it has one.
    #[must_use]
    pub fn decoder_stats(&self) -> Option<DecoderStats> {
        locked(&self.state).decoded
    }

    pub(in super::super::super) fn set_decoded(&self, decoded: DecoderStats) {
        locked(&self.state).decoded = Some(decoded);
    }

    /// Sets the state of the recording: its file name, or the error that ended it.
    pub(in super::super::super) fn set_recording(
        &self,
        name: Option<String>,
        error: Option<String>,
    ) {
        let recording = name.map(Ok).or(error.map(Err));
        locked(&self.state).recording = recording;
    }

    /// The stream as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let (stats, viewers) = self.stats();
        let info = self.info();
        let mut value = json!({
            "name": self.name,
            "kind": info.kind,
            "video": info.video.is_some(),
            "codec": info.video.map(|codec| codec.to_string()),
            "audio": info.audio || stats.audio_packets > 0,
            "viewers": viewers,
            "waitsForPublisher": self.waits_until().is_some(),
            "seconds": self.clock.now().saturating_sub(self.started_at).as_secs_f64(),
        });
        if let (Some(all), Value::Object(more)) = (value.as_object_mut(), stats.json()) {
            all.extend(more);
            let state = locked(&self.state);
            if let Some(decoded) = state.decoded {
                all.insert("decodedFrames".to_owned(), decoded.frames.into());
                all.insert("decodeErrors".to_owned(), decoded.errors.into());
            }
            let small =
                state.viewers.values().filter(|viewer| viewer.wants_small_rendition()).count();
            all.insert("smallViewers".to_owned(), small.into());
            all.insert("small".to_owned(), (state.small == SmallRenditionState::On).into());
            if let Some(recording) = &state.recording {
                all.insert("recorded".to_owned(), recording.is_ok().into());
            }
        }
        value
    }
}
