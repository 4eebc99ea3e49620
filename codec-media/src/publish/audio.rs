//! The audio of published sources.

use std::sync::Arc;
use std::time::Duration;

use codec_audio::AudioCodec;
use codec_audio::opus_head::OpusHead;
use codec_audio::opus_packet::duration_us;
use codec_container::{AudioTrack, CodedPacket, Format, PacketReader, Track};
use codec_core::codec::{Bitrate, Limits};
use codec_core::frame::Rational;
use codec_net::server::{AudioSource, SourceAudioPacket};

use crate::Env;
use crate::audio::pipeline::AudioPipeline;
use crate::audio::source::AudioDecodeOptions;
use crate::failure::{Failure, Result};
use crate::io::audio_input::AudioInput;
use crate::io::unreadable::Advice;
use crate::live::media::Live;
use crate::live::send::AudioQueue;
use crate::session::audio;
use crate::settings::audio::AudioSettings;

/// The container whose rules streams follow: Opus with VP8.
const CONTAINER: Format = Format::WebM;
/// The default audio bitrate.
pub(super) const DEFAULT_BITRATE: Bitrate = Bitrate(64_000);
/// Durations of Opus packets, in microseconds, that are published without re-encoding: those that
/// all receivers support and that have little overhead.
const COPIED_US: std::ops::RangeInclusive<u32> = 10_000..=60_000;

/// Opens the audio of an input, which may be live; also describes its processing for the user.
pub(super) fn open(
    input: AudioInput,
    live: Option<Arc<dyn Live>>,
    bitrate: Option<Bitrate>,
    limits: Limits,
    env: &Env,
) -> Result<(PublishedAudio, String)> {
    let AudioInput { reader, number, track, name, is_other, more } = input;
    let peeked =
        PeekedReader::new(reader, number).map_err(|error| Failure::reading(&name, error))?;
    let copies = bitrate.is_none() && peeked.fits(&track);
    let bitrate = bitrate.unwrap_or(DEFAULT_BITRATE);
    let settings = AudioSettings::published(bitrate, copies, track.audio.channels());
    let input = AudioInput { reader: Box::new(peeked), number, track, name, is_other, more };
    let advice = Advice::NO_AUDIO;
    let options =
        AudioDecodeOptions { limits, skips_gaps: true, advice, ..AudioDecodeOptions::default() };
    let opened = audio::open(input, &settings, CONTAINER, 1, "the stream", &options, env)?;
    let (pipeline, time_base) = (opened.pipeline, opened.track.time_base);
    Ok((PublishedAudio { pipeline, live, queue: AudioQueue::default(), time_base }, opened.text))
}

/// Audio to be sent to viewers.
pub(super) struct PublishedAudio {
    pipeline: AudioPipeline,
    live: Option<Arc<dyn Live>>,
    queue: AudioQueue,
    time_base: Rational,
}

impl PublishedAudio {
    /// Returns `until` in seconds, or an earlier time up to which audio is available without
    /// waiting.
    fn reachable_s(&self, until: Duration) -> f64 {
        let until_s = until.as_secs_f64();
        self.live.as_ref().map_or(until_s, |live| until_s.min(live.available_until_s()))
    }

    fn take(&mut self) -> Vec<SourceAudioPacket> {
        let tick = self.time_base;
        let packets = self.queue.packets.drain(..);
        packets.map(|(data, pts)| SourceAudioPacket { data, pts: ticks_48k(pts, tick) }).collect()
    }
}

/// Converts to ticks of 1/48000 s.
fn ticks_48k(pts: i64, tick: Rational) -> i64 {
    let (num, den) = (i128::from(tick.num) * 48_000, i128::from(tick.den.max(1)));
    let ticks = (i128::from(pts) * num + den / 2).div_euclid(den);
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

impl AudioSource for PublishedAudio {
    fn next(&mut self, until: Duration) -> std::result::Result<Vec<SourceAudioPacket>, String> {
        let moved = self.pipeline.advance(self.reachable_s(until), &mut self.queue);
        moved.map_err(|failure| failure.message)?;
        Ok(self.take())
    }

    fn skip(&mut self, until: Duration) -> std::result::Result<(), String> {
        let passed = self.pipeline.skip_until(self.reachable_s(until), &mut self.queue);
        self.queue.packets.clear();
        passed.map_err(|failure| failure.message)
    }

    fn finish(&mut self, end: Duration) -> std::result::Result<Vec<SourceAudioPacket>, String> {
        if let Some(live) = &self.live {
            live.close_audio();
        }
        self.pipeline.end_at(end.as_secs_f64());
        self.pipeline.finish(&mut self.queue).map_err(|failure| failure.message)?;
        Ok(self.take())
    }
}

/// A track whose first packet was read in advance.
struct PeekedReader {
    reader: Box<dyn PacketReader>,
    first: Option<CodedPacket>,
}

impl PeekedReader {
    fn new(mut reader: Box<dyn PacketReader>, number: usize) -> codec_container::Result<Self> {
        let mut first = CodedPacket::default();
        loop {
            if !reader.read(&mut first)? {
                return Ok(Self { reader, first: None });
            }
            if first.track == number {
                return Ok(Self { reader, first: Some(first) });
            }
        }
    }

    /// Whether its packets can be published without re-encoding: mono or stereo, no gain in the
    /// header, and a suitable packet duration.
    fn fits(&self, track: &AudioTrack) -> bool {
        let head = OpusHead::parse(&track.codec_private);
        let is_plain = head.is_ok_and(|head| head.family == 0 && head.gain_q8_db == 0);
        let length = self.first.as_ref().and_then(|first| duration_us(&first.data));
        track.codec == AudioCodec::Opus
            && is_plain
            && length.is_some_and(|length| COPIED_US.contains(&length))
    }
}

impl PacketReader for PeekedReader {
    fn tracks(&self) -> &[Track] {
        self.reader.tracks()
    }

    fn select(&mut self, tracks: &[usize]) {
        self.reader.select(tracks);
    }

    fn read(&mut self, packet: &mut CodedPacket) -> codec_container::Result<bool> {
        if let Some(first) = self.first.take() {
            *packet = first;
            return Ok(true);
        }
        self.reader.read(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_converted_to_48_khz_and_rounded() {
        assert_eq!(ticks_48k(20, Rational::new(1, 1000)), 960);
        assert_eq!(ticks_48k(-1, Rational::new(1, 16_000)), -3);
        assert_eq!(ticks_48k(1, Rational::new(1, 44_100)), 1);
    }
}
