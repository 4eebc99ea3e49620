//! Prepares audio for a transport stream: adds the framing of the codec to each packet (ADTS, Opus
//! control header), and combines one or several packets into a PES packet.

use codec_audio::AudioCodec;
use codec_audio::opus_head::OpusHead;

use super::opus_unit::OpusUnit;
use super::timeline::TICKS;
use super::unsupported;
use crate::elementary::{AdtsHeader, parse_mp3};
use crate::samples::{SampleCounter, scaled};
use crate::{AudioTrack, PacketRef, Result, opus};

/// Audio frames in a PES packet of a file: at most this time and number of bytes. Live, there is one.
const GROUP_TICKS: i64 = 100 * TICKS as i64 / 1000;
const GROUP_BYTES: usize = 2900;
/// How far the time of a frame may be from the end of the frame before it, for one PES packet.
const ROUNDING_TICKS: i64 = TICKS as i64 / 1000;
/// Largest Opus packet: its PES packet states a length.
const MAX_OPUS_BYTES: usize = 65_000;

/// The packets of a track.
#[derive(Debug)]
pub(super) struct Audio {
    framing: Framing,
    counter: SampleCounter,
    rate: u32,
    /// Time of the last packet.
    pub(super) last: Option<i64>,
    pub(super) group: Group,
}

/// How audio packets are stored.
#[derive(Debug)]
pub(super) enum Framing {
    Adts(AdtsHeader),
    Mp3,
    /// Opus with this number of samples of the codec delay that are still to come.
    Opus(u32),
}

/// Consecutive frames for a PES packet.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) data: Vec<u8>,
    pub(super) start: i64,
    /// End of the last frame, if it is known.
    pub(super) end: Option<i64>,
}

impl Audio {
    pub(super) fn new(track: &AudioTrack, framing: Framing) -> Self {
        let (counter, rate) = (SampleCounter::new(track), track.audio.rate);
        Self { framing, counter, rate, last: None, group: Group::default() }
    }

    /// Adds a packet, the `count`-th of its track, to the group.
    pub(super) fn add(&mut self, packet: PacketRef<'_>, shown: i64, count: u64) -> Result<()> {
        let samples = self.counter.count(packet.data);
        let out = &mut self.group.data;
        if out.is_empty() {
            self.group.start = shown;
        }
        match &mut self.framing {
            Framing::Adts(header) => header.put(packet.data, out).map_err(unsupported)?,
            Framing::Mp3 => {
                if parse_mp3(packet.data).is_none() {
                    return Err(unsupported(format!("a packet ({count}) that is not MP3")));
                }
                out.extend_from_slice(packet.data);
            }
            Framing::Opus(delay) => {
                let found = samples.filter(|_| packet.data.len() <= MAX_OPUS_BYTES);
                let samples = found
                    .ok_or_else(|| unsupported(format!("a packet ({count}) that is not Opus")))?;
                let trim_start = packet.trim_start.max(*delay).min(samples);
                *delay = delay.saturating_sub(trim_start);
                let trim_end = packet.trim_end.min(samples - trim_start);
                OpusUnit { data: packet.data, trim_start, trim_end }.put(out);
            }
        }
        self.group.end = samples.map(|samples| {
            shown.saturating_add(scaled(samples.into(), TICKS.into(), self.rate.into()))
        });
        Ok(())
    }
}

impl Group {
    /// Whether a frame of `bytes` at `shown` belongs to the PES packet.
    pub(super) fn takes(&self, shown: i64, bytes: usize) -> bool {
        let follows = |end: i64| shown.abs_diff(end) <= ROUNDING_TICKS.unsigned_abs();
        let is_short = shown.saturating_sub(self.start) < GROUP_TICKS;
        let is_small = self.data.len().saturating_add(bytes) <= GROUP_BYTES;
        self.data.is_empty() || is_short && is_small && self.end.is_some_and(follows)
    }
}

impl Framing {
    /// Returns the framing of a track, and its `stream_type`.
    pub(super) fn new(track: &AudioTrack) -> Result<(Self, u8)> {
        match track.codec {
            AudioCodec::Aac => {
                let header = AdtsHeader::new(&track.codec_private).map_err(unsupported)?;
                Ok((Self::Adts(header), 0x0F))
            }
            // MPEG-1, and MPEG-2 with its lower sample rates.
            AudioCodec::Mp3 => Ok((Self::Mp3, if track.audio.rate >= 32_000 { 3 } else { 4 })),
            AudioCodec::Opus => {
                let head = opus::head_of(track)
                    .ok_or_else(|| unsupported("an Opus track without a valid OpusHead"))?;
                check_opus(&head)?;
                Ok((Self::Opus(track.delay), 0x06))
            }
            codec => Err(unsupported(format!("codec {codec}"))),
        }
    }
}

/// Checks that the descriptor of Opus can describe the track.
fn check_opus(head: &OpusHead) -> Result<()> {
    if head.gain_q8_db != 0 {
        return Err(unsupported("an output gain of Opus"));
    }
    let usual = OpusHead::surround(head.channels, head.pre_skip, head.input_rate);
    let is_usual = usual.is_some_and(|usual| {
        (usual.streams, usual.coupled, usual.mapping)
            == (head.streams, head.coupled, head.mapping.clone())
    });
    if head.family > 1 || !is_usual {
        let what = format!("Opus with {} channels in an unusual order", head.channels);
        return Err(unsupported(what));
    }
    Ok(())
}
