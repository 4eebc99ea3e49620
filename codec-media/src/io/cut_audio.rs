//! Reads the audio packets of another reader between two times. The cut is exact to the sample: samples
//! before the first time are declared as codec delay of the first packets, and samples after the second
//! time are trimmed from the last packet.

use std::collections::VecDeque;

use codec_audio::AudioCodec;
use codec_container::{AudioTrack, CodedPacket, FileMetadata, PacketReader, Result, Track};

use super::audio_input::AudioInput;
use super::pre_roll;
use crate::Env;
use crate::cut::{Cut, ns_of, ns_to_ticks, ticks_to_ns};
use crate::failure::{self, Failure};

/// Attempts to find a packet before the cut by the index.
const MAX_ATTEMPTS: u32 = 8;

/// The times between which packets are delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudioRange {
    /// The first sample, in nanoseconds of the input; `None` keeps the start as it is.
    pub(crate) start_ns: Option<i64>,
    pub(crate) end_ns: Option<i64>,
    pub(crate) keep_times: bool,
}

impl AudioRange {
    /// The range of a cut. `start_ns` is the time of the first frame, if the input has video.
    pub(crate) fn of(cut: Cut, start_ns: Option<i64>) -> Self {
        let start_ns = cut.from.map(|from| start_ns.unwrap_or_else(|| ns_of(from)));
        Self { start_ns, end_ns: cut.to.map(ns_of), keep_times: cut.keep_times }
    }
}

/// Whether each sample has the same number of bytes and can be decoded alone.
fn is_uncompressed(codec: AudioCodec) -> bool {
    matches!(codec, AudioCodec::Pcm(_) | AudioCodec::Pcma | AudioCodec::Pcmu)
}

/// Delivers the packets of one audio track that are part of a cut.
struct CutReader {
    reader: Box<dyn PacketReader>,
    metadata: FileMetadata,
    tracks: Vec<Track>,
    number: usize,
    /// The first packets, read ahead.
    first: VecDeque<CodedPacket>,
    /// Whether the first packet has no output of its own.
    is_silent: bool,
    /// All in ticks of the track.
    start: Option<i64>,
    end: Option<i64>,
    origin: i64,
    ticks: Ticks,
    ended: bool,
}

/// Conversion between ticks of the track and samples.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    /// Ticks per second as a ratio, and samples per second.
    num: u64,
    den: u64,
    rate: u32,
    uncompressed: bool,
}

impl Ticks {
    fn samples(self, ticks: i64) -> u32 {
        let product = i128::from(ticks) * i128::from(self.num) * i128::from(self.rate);
        u32::try_from(product / i128::from(self.den.max(1))).unwrap_or(0)
    }

    fn of_samples(self, samples: u32) -> u64 {
        let per_tick = u128::from(self.num) * u128::from(self.rate);
        let ticks = u128::from(samples) * u128::from(self.den) / per_tick.max(1);
        u64::try_from(ticks).unwrap_or(0)
    }
}

/// Returns the part of an audio input that `range` selects; `None`, after a warning, if it has no
/// packets there. The same for its further tracks.
///
/// # Errors
/// If the input cannot be read.
pub(crate) fn cut_audio(
    input: AudioInput,
    range: AudioRange,
    env: &Env,
) -> failure::Result<Option<AudioInput>> {
    let mut parts = Vec::new();
    for track in input.each() {
        parts.extend(cut_track(track, range, env)?);
    }
    Ok(AudioInput::together(parts))
}

fn cut_track(
    input: AudioInput,
    range: AudioRange,
    env: &Env,
) -> failure::Result<Option<AudioInput>> {
    let AudioInput { mut reader, number, mut track, name, is_other, more } = input;
    let refused = |error| Failure::reading(&name, error);
    let base = track.time_base;
    let to_ticks = |ns| ns_to_ticks(ns, base);
    let start = range.start_ns.map(to_ticks);
    let ticks = Ticks {
        num: base.num.into(),
        den: base.den.into(),
        rate: track.audio.rate,
        uncompressed: is_uncompressed(track.codec),
    };
    let (mut first, reached) = match range.start_ns {
        None => (VecDeque::new(), 0),
        Some(start_ns) => {
            let wanted = to_ticks(start_ns.saturating_sub(pre_roll::longest_ns(track.codec)));
            let (found, reached) = find_first(&mut *reader, number, wanted).map_err(refused)?;
            match found {
                Some(found) => {
                    let start = to_ticks(start_ns);
                    read_to_start(&mut *reader, number, start, found, &track).map_err(refused)?
                }
                None => (VecDeque::new(), reached),
            }
        }
    };
    hide_before_last(&mut first, ticks);
    let is_empty = start.is_some() && first.is_empty();
    let is_late =
        first.back().zip(range.end_ns).is_some_and(|(first, end_ns)| first.pts >= to_ticks(end_ns));
    if is_empty || is_late {
        let at_s = |ticks: i64| seconds(ticks_to_ns(ticks, base));
        let why = match first.back() {
            Some(first) => format!("starts at {:.3} s", at_s(first.pts)),
            None => format!("ends at {:.3} s", at_s(reached)),
        };
        let from_s = seconds(range.start_ns.unwrap_or(0));
        env.events
            .warn(format!("{name}: no audio in the part from {from_s:.3} s: the audio {why}"));
        return Ok(None);
    }
    let origin = start.filter(|_| !range.keep_times).unwrap_or(0);
    if let (Some(first), Some(start)) = (first.front(), start) {
        // The first packet of Vorbis decodes to nothing.
        let begins = if track.codec == AudioCodec::Vorbis { end_of(first) } else { first.pts };
        let early = start.saturating_sub(begins).max(0);
        // The codec delay stays hidden if the audio begins later than the part. Of audio before time
        // 0, which the input hides, that is the first packet.
        let has_delay = first.index == 0 && start >= 0;
        let hidden = if has_delay { track.delay } else { first.trim_start };
        track.delay = if ticks.uncompressed { 0 } else { ticks.samples(early).max(hidden) };
        track.packet_count = None;
    }
    track.duration = remaining(&track, start, range.end_ns.map(to_ticks));
    let mut tracks = reader.tracks().to_vec();
    if let Some(described) = tracks.get_mut(number) {
        *described = Track::Audio(track.clone());
    }
    let ns = |ns: i64| u64::try_from(ns).unwrap_or(0);
    let from_ns = ns(if range.keep_times { 0 } else { range.start_ns.unwrap_or(0) });
    let reader = CutReader {
        metadata: reader.metadata().part(from_ns, range.end_ns.map(ns)),
        reader,
        tracks,
        number,
        first,
        is_silent: track.codec == AudioCodec::Vorbis && start.is_some(),
        start,
        end: range.end_ns.map(to_ticks),
        origin,
        ticks,
        ended: false,
    };
    Ok(Some(AudioInput { reader: Box::new(reader), number, track, name, is_other, more }))
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// Duration of the part in ticks, if known.
fn remaining(track: &AudioTrack, start: Option<i64>, end: Option<i64>) -> Option<u64> {
    let start = start.unwrap_or(0);
    let whole = track.duration.and_then(|ticks| i64::try_from(ticks).ok());
    let end = match (whole, end) {
        (Some(whole), Some(end)) => Some(whole.min(end)),
        (whole, end) => whole.or(end),
    };
    end.and_then(|end| u64::try_from(end.saturating_sub(start)).ok())
}

/// The end of a packet in ticks.
fn end_of(packet: &CodedPacket) -> i64 {
    packet.pts.saturating_add_unsigned(packet.duration.unwrap_or(0))
}

/// Reads the first packet that ends after `wanted`, or the end of the last packet if there is none.
fn find_first(
    reader: &mut dyn PacketReader,
    number: usize,
    wanted: i64,
) -> Result<(Option<CodedPacket>, i64)> {
    let mut packet = CodedPacket::default();
    let mut target = wanted;
    for attempt in 1..=MAX_ATTEMPTS {
        if attempt == MAX_ATTEMPTS {
            target = i64::MIN;
        }
        if !reader.seek(number, target)? {
            break;
        }
        if !next_of(reader, number, &mut packet)? {
            if target == i64::MIN {
                return Ok((None, 0));
            }
            target = i64::MIN;
            continue;
        }
        if packet.pts <= wanted || target == i64::MIN {
            return read_until(reader, number, wanted, Some(packet));
        }
        // The packet is interleaved later than its time.
        target = target.saturating_sub(packet.pts.saturating_sub(wanted).saturating_mul(2));
    }
    read_until(reader, number, wanted, None)
}

/// Reads on until a packet ends after `wanted`.
fn read_until(
    reader: &mut dyn PacketReader,
    number: usize,
    wanted: i64,
    first: Option<CodedPacket>,
) -> Result<(Option<CodedPacket>, i64)> {
    let mut packet = CodedPacket::default();
    let mut has_packet = first.is_some();
    let mut reached = 0;
    if let Some(first) = first {
        packet = first;
    }
    loop {
        if !has_packet && !next_of(reader, number, &mut packet)? {
            return Ok((None, reached));
        }
        has_packet = false;
        reached = end_of(&packet);
        // A packet of unknown duration is needed if it is not before the time.
        if reached > wanted || packet.duration.is_none() && packet.pts >= wanted {
            return Ok((Some(packet), reached));
        }
    }
}

/// Reads on from `found` until a packet ends after `start`. Returns the packets that are needed, or
/// none if there is no such packet, and the end of the last one.
fn read_to_start(
    reader: &mut dyn PacketReader,
    number: usize,
    start: i64,
    found: CodedPacket,
    track: &AudioTrack,
) -> Result<(VecDeque<CodedPacket>, i64)> {
    let mut packets = VecDeque::from([found]);
    while let Some(last) = packets.back() {
        let (reached, is_known) = (end_of(last), last.duration.is_some());
        if reached > start || !is_known && reached >= start {
            break;
        }
        let mut packet = CodedPacket::default();
        if next_of(reader, number, &mut packet)? {
            packets.push_back(packet);
        } else if is_known {
            return Ok((VecDeque::new(), reached));
        } else {
            break;
        }
    }
    pre_roll::shorten(&mut packets, track);
    Ok((packets, 0))
}

/// Hides all samples of the packets before the last one, and gives them times one after another. Where
/// other audio was appended, packets before the cut have samples that the input hides, and that take no
/// time there.
fn hide_before_last(packets: &mut VecDeque<CodedPacket>, ticks: Ticks) {
    for at in (1..packets.len()).rev() {
        let next = packets[at].pts;
        let packet = &mut packets[at - 1];
        let Some(duration) = packet.duration else { continue };
        let lasts = duration.saturating_add(ticks.of_samples(packet.trim_end));
        if packet.pts.saturating_add_unsigned(lasts) > next {
            packet.pts = next.saturating_sub_unsigned(lasts);
            packet.duration = Some(lasts);
            packet.trim_start = ticks.samples(i64::try_from(lasts).unwrap_or(0));
            packet.trim_end = 0;
        }
    }
}

fn next_of(reader: &mut dyn PacketReader, number: usize, packet: &mut CodedPacket) -> Result<bool> {
    loop {
        if !reader.read(packet)? {
            return Ok(false);
        }
        if packet.track == number {
            return Ok(true);
        }
    }
}

impl CutReader {
    /// Trims the samples of `packet` that are not part of the cut; `false` if none is.
    fn trim(&mut self, packet: &mut CodedPacket) -> bool {
        let total = end_of(packet);
        if let Some(end) = self.end {
            if packet.pts >= end {
                return false;
            }
            let late = total.saturating_sub(end);
            if late > 0 {
                packet.trim_end = packet.trim_end.saturating_add(self.ticks.samples(late));
                packet.duration = packet
                    .duration
                    .map(|ticks| ticks.saturating_sub(u64::try_from(late).unwrap_or(0)));
            }
        }
        let Some(start) = self.start else { return true };
        if start < 0 && packet.index > 0 {
            // Hidden in the input, but part of the cut.
            packet.trim_start = 0;
        }
        let early = start.saturating_sub(packet.pts).min(total.saturating_sub(packet.pts));
        if early > 0 {
            let samples = self.ticks.samples(early);
            if self.ticks.uncompressed {
                cut_samples(packet, samples, self.ticks);
                packet.pts = packet.pts.saturating_add(early);
                packet.duration = packet
                    .duration
                    .map(|ticks| ticks.saturating_sub(u64::try_from(early).unwrap_or(0)));
            } else {
                packet.trim_start = packet.trim_start.max(samples);
            }
        }
        if std::mem::take(&mut self.is_silent) {
            packet.trim_start = 0;
        }
        true
    }
}

/// Removes samples at the start of an uncompressed packet.
fn cut_samples(packet: &mut CodedPacket, samples: u32, ticks: Ticks) {
    let lasts = packet.duration.and_then(|ticks| i64::try_from(ticks).ok()).unwrap_or(0);
    let total = u64::from(ticks.samples(lasts)) + u64::from(packet.trim_end);
    let frame_bytes = (packet.data.len() as u64).checked_div(total).unwrap_or(0);
    let bytes = usize::try_from(frame_bytes * u64::from(samples)).unwrap_or(usize::MAX);
    packet.data.drain(..bytes.min(packet.data.len()));
}

impl PacketReader for CutReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        &self.metadata
    }

    /// The track was selected before.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let has_packet = match self.first.pop_front() {
            Some(first) => {
                *packet = first;
                true
            }
            None => next_of(&mut *self.reader, self.number, packet)?,
        };
        if !has_packet || !self.trim(packet) {
            self.ended = true;
            return Ok(false);
        }
        packet.pts = packet.pts.saturating_sub(self.origin);
        packet.dts = None;
        Ok(true)
    }
}

/// Opens the part of an audio track that the cut of an input selects, for inputs without video.
///
/// # Errors
/// If the input cannot be read, or has no audio there.
pub(crate) fn only_audio(input: AudioInput, cut: Cut, env: &Env) -> failure::Result<AudioInput> {
    if cut.is_whole() {
        return Ok(input);
    }
    let name = input.name.clone();
    let found = cut_audio(input, AudioRange::of(cut, None), env)?;
    found.ok_or_else(|| Failure::usage(format!("{name}: no audio in the selected part")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncompressed_packets_lose_whole_samples() {
        let ticks = Ticks { num: 1, den: 8000, rate: 8000, uncompressed: true };
        let mut packet = CodedPacket::default();
        packet.data = (0..=19).collect();
        packet.duration = Some(8);
        packet.trim_end = 2;
        cut_samples(&mut packet, 3, ticks);
        assert_eq!(packet.data, (6..=19).collect::<Vec<u8>>());
    }
}
