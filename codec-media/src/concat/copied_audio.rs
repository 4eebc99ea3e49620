//! The audio packets of several files one after another, not decoded. The output container states which samples of each
//! packet are discarded: those at the start of a file that are not played (codec delay, pre-roll), and those after the end
//! of its video. So the audio of each file keeps its times relative to the video, exact to the sample, and audio follows
//! audio without a gap.
//!
//! If the audio of a file ends before its video, the gap is closed with samples that would otherwise be discarded: first
//! with audio of the next file that lies before the start of its video, then with the discard padding at the end of the
//! last packet before the gap. Files of ffmpeg have audio before the video, because ffmpeg delays the video by the codec
//! delay of the audio. A part of the gap can remain, and the audio of the next file can begin after its video. If the
//! resulting gap is at most 2 ms, the audio of the next file is moved earlier by its length. If it is longer, the audio is
//! encoded instead of copied.

use std::collections::VecDeque;

use codec_audio::AudioCodec;
use codec_audio::opus_packet::reset_before;
use codec_container::{
    AudioTrack, CodedPacket, Error, FileMetadata, Format, PacketReader, Result as ContainerResult,
    Track,
};
use codec_core::frame::Rational;

use super::audio::{described, open_audio, samples};
use super::part::{Part, joined_metadata};
use crate::Env;
use crate::audio::source::samples_of;
use crate::cut::ticks_to_ns;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::pre_roll::settling;
use crate::settings::encoding::Encoding;

/// The longest rest of a gap: the audio of the next file then comes this much too early. It does not
/// add up over several files.
const MAX_GAP_MS: u32 = 2;

/// The place of a part in the output, in samples.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// How long before its video the audio begins, in nanoseconds.
    lead_ns: i64,
    /// Offset that is added to its times.
    shift: i64,
    /// The end of the samples that are heard.
    end: i64,
    /// The end of the audio that the file presents, and the samples after it that are heard, too.
    own_end: i64,
    more: u32,
}

/// The part that is read.
struct Current {
    input: AudioInput,
    place: Place,
    /// Whether the file is damaged. Its packets end there, and the caller has the error.
    ends_at_damage: bool,
    /// Whether the decoder is reset before its first packet, which was not read yet.
    resets: bool,
}

/// Delivers the packets of all parts.
pub(super) struct CopiedAudio {
    tracks: [Track; 1],
    metadata: FileMetadata,
    parts: VecDeque<(Part, Place)>,
    /// The number of the track in the parts, from 0.
    number: usize,
    current: Option<Current>,
    /// A packet that is delivered after another one was inserted.
    held: Option<CodedPacket>,
    rate: u32,
    index: u64,
    env: Env,
}

/// The packets, or the reason why the audio must be encoded.
pub(super) type Plan = std::result::Result<CopiedAudio, String>;

impl CopiedAudio {
    /// Joins the audio tracks `number` of `parts` without encoding them.
    ///
    /// # Errors
    /// If an input cannot be read, or the output cannot hold audio that has to be copied.
    pub(super) fn plan(
        parts: &[Part],
        number: usize,
        settings: &Encoding,
        env: &Env,
    ) -> Result<Plan> {
        let tracks = match tracks(parts, number, settings)? {
            Ok(tracks) => tracks,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut row = Row::new(settings.format, number, env);
        for (at, part) in (1..).zip(parts) {
            if let Err(reason) = row.append(part, at == parts.len())? {
                return Ok(Err(reason));
            }
        }
        let Row { places, first: Some(mut track), .. } = row else {
            return Ok(Err("there is no audio".to_owned()));
        };
        let rate = track.audio.rate;
        track.time_base = Rational::new(1, rate);
        track.codec_private = joined_header(&tracks);
        let named =
            described(parts, number, AudioTrack::new(track.format, track.codec, track.audio), env);
        (track.language, track.name) = (named.language, named.name);
        (track.is_default, track.tags) = (named.is_default, named.tags);
        (track.packet_count, track.bitrate) = (None, None);
        track.duration = places.last().and_then(|place| u64::try_from(place.end).ok());
        Ok(Ok(Self {
            tracks: [Track::Audio(track)],
            metadata: joined_metadata(parts),
            parts: parts.iter().cloned().zip(places).collect(),
            number,
            current: None,
            held: None,
            rate,
            index: 0,
            env: env.clone(),
        }))
    }

    /// Opens the next part; `false` after the last one.
    fn next_part(&mut self) -> Result<bool> {
        self.current = None;
        let Some((part, place)) = self.parts.pop_front() else { return Ok(false) };
        let Some(input) = open_from(&part, self.number, place.lead_ns, &self.env)? else {
            let message = format!("{}: changed while reading", part.name());
            return Err(Failure::new(Kind::Input, message));
        };
        let ends_at_damage = part.damage.is_some();
        let resets = self.index > 0 && input.track.codec == AudioCodec::Opus;
        self.current = Some(Current { input, place, ends_at_damage, resets });
        Ok(true)
    }

    /// Moves a packet to its place; `false` if it begins after the end of its part.
    fn place(&mut self, packet: &mut CodedPacket) -> bool {
        let Some(Current { input, place, .. }) = &self.current else { return false };
        let Some(times) = Times::of(packet, input.track.time_base, self.rate) else { return false };
        let start = times.start.saturating_add(place.shift);
        if start >= place.end {
            return false;
        }
        let more = if times.end == place.own_end { place.more } else { 0 };
        let heard_end = times.end.saturating_add(place.shift).saturating_add(more.into());
        let late = u32::try_from(heard_end.saturating_sub(place.end)).unwrap_or(0);
        packet.trim_end = packet.trim_end.saturating_sub(more).saturating_add(late);
        let lasts = heard_end.min(place.end).saturating_sub(start);
        packet.duration = u64::try_from(lasts).ok();
        (packet.pts, packet.dts, packet.track) = (start, None, 0);
        packet.index = self.index;
        self.index += 1;
        true
    }

    /// Inserts a packet that resets the decoder before the first one of a part, if it is needed. The
    /// energies of an Opus packet are relative to the energies of the packet before: after other audio, the
    /// first packets would be decoded with wrong ones.
    fn insert_reset(&mut self, packet: &mut CodedPacket) {
        let Some(current) = &mut self.current else { return };
        if !std::mem::take(&mut current.resets) {
            return;
        }
        let Some(data) = reset_before(&packet.data) else { return };
        // 20 ms.
        let samples = self.rate / 50;
        let mut reset = CodedPacket::default();
        reset.pts = packet.pts.saturating_sub(samples.into());
        reset.duration = Some(samples.into());
        reset.trim_start = samples;
        (reset.key, reset.shown, reset.index) = (true, true, packet.index);
        reset.data.extend_from_slice(&data);
        packet.index += 1;
        self.index += 1;
        self.held = Some(std::mem::replace(packet, reset));
    }
}

impl PacketReader for CopiedAudio {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        &self.metadata
    }

    /// There is only one track.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> ContainerResult<bool> {
        if let Some(held) = self.held.take() {
            *packet = held;
            return Ok(true);
        }
        loop {
            if let Some(Current { input, ends_at_damage, .. }) = &mut self.current {
                let ends_at_damage = *ends_at_damage;
                match input.reader.read(packet) {
                    Ok(true) if packet.track != input.number => continue,
                    Ok(true) if self.place(packet) => {
                        self.insert_reset(packet);
                        return Ok(true);
                    }
                    Ok(_) => {}
                    Err(Error::Corrupt(_)) if ends_at_damage => {}
                    Err(error) => return Err(error),
                }
            }
            let moved_on = self.next_part();
            let refused = |failure: Failure| Error::Io(std::io::Error::other(failure.message));
            if !moved_on.map_err(refused)? {
                return Ok(false);
            }
        }
    }
}

/// The times of a packet in samples, up to the end of the audible ones.
struct Times {
    start: i64,
    end: i64,
}

impl Times {
    /// `None` if the duration is unknown.
    fn of(packet: &CodedPacket, base: Rational, rate: u32) -> Option<Self> {
        let start = samples_of(packet.pts, base, rate);
        let end = packet.pts.saturating_add_unsigned(packet.duration?);
        Some(Self { start, end: samples_of(end, base, rate) })
    }
}

/// The audio of a part from `lead_ns` nanoseconds before its video on.
fn open_from(part: &Part, number: usize, lead_ns: i64, env: &Env) -> Result<Option<AudioInput>> {
    let start_ns = part.extent.start_ns.saturating_sub(lead_ns);
    open_audio(part, number, (start_ns, None), &env.quiet())
}

/// The audio track of a part: times in samples from the place at which it was opened.
struct HeardSpan {
    track: AudioTrack,
    /// The first sample that is heard, and the end.
    first: i64,
    end: i64,
    /// Decoded samples before the first one.
    hidden: u32,
    /// Samples of the first packet.
    packet: u32,
    /// The end of the first packet of which something is heard, if its start is not heard.
    partly_heard: Option<i64>,
    /// Samples at the end of the last packet that are not heard.
    padding: u32,
}

impl HeardSpan {
    /// Reads the packets of a part; `None` if it has none, or a duration is unknown.
    fn measure(part: &Part, number: usize, lead_ns: i64, env: &Env) -> Result<Option<Self>> {
        let Some(mut input) = open_from(part, number, lead_ns, env)? else {
            return Ok(None);
        };
        let (base, rate) = (input.track.time_base, input.track.audio.rate);
        let mut found: Option<Self> = None;
        let (mut hidden, mut first_length) = (0_u32, None);
        let mut packet = CodedPacket::default();
        loop {
            if env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            match input.reader.read(&mut packet) {
                Ok(true) if packet.track != input.number => continue,
                Ok(true) => {}
                Ok(false) => break,
                Err(Error::Corrupt(_)) if part.damage.is_some() => break,
                Err(error) => return Err(Failure::reading(&part.name(), error)),
            }
            let Some(Times { start, end }) = Times::of(&packet, base, rate) else {
                return Ok(None);
            };
            let lasts = u32::try_from(end.saturating_sub(start)).unwrap_or(0);
            let length = *first_length.get_or_insert(lasts.saturating_add(packet.trim_end));
            if let Some(span) = &mut found {
                span.end = span.end.max(end);
                span.padding = packet.trim_end;
                continue;
            }
            hidden = hidden.saturating_add(packet.trim_start);
            if packet.trim_start < lasts {
                found = Some(Self {
                    track: input.track.clone(),
                    first: start.saturating_add(packet.trim_start.into()),
                    end,
                    hidden,
                    packet: length,
                    partly_heard: (packet.trim_start > 0).then_some(end),
                    padding: packet.trim_end,
                });
            }
        }
        Ok(found)
    }
}

/// The tracks of all parts, or the reason why their packets cannot be in one track.
fn tracks<'a>(
    parts: &'a [Part],
    number: usize,
    settings: &Encoding,
) -> Result<std::result::Result<Vec<&'a AudioTrack>, String>> {
    let format = settings.format;
    let mut found: Vec<(&Part, &AudioTrack)> = Vec::new();
    for part in parts {
        let audio = part.audio(number).filter(|audio| audio.extent.is_some());
        let Some(audio) = audio else {
            let track = number + 1;
            return Ok(Err(format!("{} has no audio track {track}", part.name())));
        };
        found.push((part, &audio.track));
    }
    let (Some(&(first, one)), Some(audio)) = (found.first(), &settings.audio) else {
        return Ok(Err("there is no audio".to_owned()));
    };
    if audio.encodes() {
        return Ok(Err("an option of the audio encoder is given".to_owned()));
    }
    if !audio.copies(one.codec, one.audio.layout, format)? {
        let holds =
            format.holds_audio(one.codec) && format.holds_layout(one.codec, one.audio.layout);
        let codec = one.codec;
        let uncompressed = || format!("{codec} audio is uncompressed");
        let unsupported = || format!("{format} cannot hold {codec} audio");
        return Ok(Err(if holds { uncompressed() } else { unsupported() }));
    }
    for &(part, other) in &found[1..] {
        let (first, second) = (first.name(), part.name());
        if one.codec != other.codec {
            let (codec, other) = (one.codec, other.codec);
            return Ok(Err(format!("{first} has {codec} audio, and {second} has {other}")));
        }
        if one.audio != other.audio {
            let (format, other) = (one.audio, other.audio);
            return Ok(Err(format!(
                "the audio of {first} is {format}, that of {second} is {other}"
            )));
        }
        if common_header(one) != common_header(other) {
            return Ok(Err(format!("the audio configurations of {first} and {second} differ")));
        }
    }
    Ok(Ok(found.into_iter().map(|(_, track)| track).collect()))
}

/// The parts of a codec configuration that all files of a format have in common.
fn common_header(track: &AudioTrack) -> Vec<u8> {
    let mut header = track.codec_private.clone();
    let mut clear = |fields: std::ops::Range<usize>| {
        header.get_mut(fields).into_iter().flatten().for_each(|byte| *byte = 0);
    };
    match track.codec {
        // The pre-skip, which each track states otherwise, and the rate before encoding. RFC 7845,
        // section 5.1.
        AudioCodec::Opus => clear(10..16),
        // Sizes of blocks and frames; the number of samples, but not the bits per sample before it;
        // a checksum. RFC 9639, section 8.2.
        AudioCodec::Flac => {
            clear(0..10);
            clear(14..34);
            if let Some(mixed) = header.get_mut(13) {
                *mixed &= 0xF0;
            }
        }
        // The size of the largest packet, and the bitrate.
        AudioCodec::Alac => clear(12..20),
        _ => {}
    }
    header
}

/// The codec configuration of packets of all tracks.
fn joined_header(tracks: &[&AudioTrack]) -> Vec<u8> {
    let Some(first) = tracks.first() else { return Vec::new() };
    match first.codec {
        AudioCodec::Alac => common_header(first),
        AudioCodec::Flac => {
            let mut header = common_header(first);
            let sizes = |at: usize| {
                let of = move |track: &&AudioTrack| {
                    track.codec_private.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
                };
                tracks.iter().filter_map(of)
            };
            let blocks = [sizes(0).min(), sizes(2).max()];
            for (field, size) in header.chunks_exact_mut(2).zip(blocks) {
                field.copy_from_slice(&size.unwrap_or(0).to_be_bytes());
            }
            header
        }
        _ => first.codec_private.clone(),
    }
}

/// The places of parts one after another.
struct Row<'a> {
    format: Format,
    number: usize,
    env: &'a Env,
    places: Vec<Place>,
    /// The track of the first part.
    first: Option<AudioTrack>,
    /// The end of the video so far, in nanoseconds.
    at_ns: i64,
    /// The last part: its name, and the end of its audio in samples.
    before: Option<(String, i64)>,
    padding: u32,
}

/// Success, or the reason why the output would not be exact.
type Outcome = std::result::Result<(), String>;

impl<'a> Row<'a> {
    fn new(format: Format, number: usize, env: &'a Env) -> Self {
        let (places, first, before) = (Vec::new(), None, None);
        Self { format, number, env, places, first, at_ns: 0, before, padding: 0 }
    }

    /// Whether the container states for any packet which of its samples are not heard.
    fn hides(&self) -> bool {
        matches!(self.format, Format::WebM | Format::Matroska)
    }

    /// Places the next part; `is_last` if no other follows.
    fn append(&mut self, part: &Part, is_last: bool) -> Result<Outcome> {
        let Some(audio) = part.audio(self.number) else { return Ok(Ok(())) };
        let rate = audio.track.audio.rate;
        let place_of = |ns: i64| i64::try_from(samples(ns, rate)).unwrap_or(i64::MAX);
        let at = place_of(self.at_ns);
        self.at_ns = self.at_ns.saturating_add(part.extent.length_ns());
        let end = place_of(self.at_ns);
        let gap = self.before.as_ref().map_or(0, |(_, reached)| at.saturating_sub(*reached));
        // Audio before a cut is not part of it.
        let begins = audio.extent.filter(|_| part.spec.cut.from.is_none());
        let early = begins.map_or(0, |of| part.extent.start_ns.saturating_sub(of.start_ns).max(0));
        let lead_ns = ticks_to_ns(gap, Rational::new(1, rate)).min(early);
        let Some(span) = HeardSpan::measure(part, self.number, lead_ns, self.env)? else {
            return Ok(Err(format!("{} has no audio with known times", part.name())));
        };
        let mut shift = at;
        if let Some((earlier, reached)) = self.before.take() {
            let starts = at.saturating_sub(place_of(lead_ns));
            match self.close_gap(&earlier, starts.saturating_sub(reached), rate) {
                Ok(more) => shift = reached.saturating_add(more).saturating_sub(span.first),
                Err(reason) => return Ok(Err(reason)),
            }
            if let Err(reason) = self.check_start(&earlier, &part.name(), &span) {
                return Ok(Err(reason));
            }
        }
        let heard = span.end.saturating_add(shift);
        let name = part.name();
        if !self.hides() && !is_last && (heard > end || span.padding > 0) {
            let format = self.format;
            return Ok(Err(format!("{format} cannot signal the discard padding of {name}")));
        }
        if span.partly_heard.is_some_and(|packet| packet.saturating_add(shift) > end) {
            return Ok(Err(format!("the part of {name} is shorter than an audio packet")));
        }
        self.places.push(Place { lead_ns, shift, end, own_end: span.end, more: 0 });
        self.padding = if heard > end { 0 } else { span.padding };
        self.before = Some((name, heard.min(end)));
        self.first.get_or_insert(span.track);
        Ok(Ok(()))
    }

    /// Closes a gap of some samples after the last part, which is `earlier`, and returns by how much
    /// its audio becomes longer.
    fn close_gap(
        &mut self,
        earlier: &str,
        gap: i64,
        rate: u32,
    ) -> std::result::Result<i64, String> {
        let more = u32::try_from(gap).unwrap_or(0).min(self.padding);
        let rest = gap.saturating_sub(more.into());
        if rest > i64::from(rate / 1000 * MAX_GAP_MS) {
            let short = seconds(gap, rate);
            return Err(format!("the audio of {earlier} ends {short:.3} s before its video"));
        }
        if let Some(place) = self.places.last_mut() {
            place.more = more;
            let heard = place.own_end.saturating_add(place.shift).saturating_add(more.into());
            place.end = place.end.min(heard);
        }
        Ok(more.into())
    }

    /// Checks that the start of a part is heard as in its file.
    fn check_start(&self, earlier: &str, name: &str, span: &HeardSpan) -> Outcome {
        let rate = span.track.audio.rate;
        if span.first > i64::from(rate / 1000 * MAX_GAP_MS) {
            let late = seconds(span.first, rate);
            return Err(format!("the audio of {name} begins {late:.3} s after its video"));
        }
        let settled = settling(&span.track, span.packet);
        if settled.is_none_or(|settled| settled > span.hidden) {
            return Err(format!(
                "a decoder would mix the end of {earlier} with the start of {name}"
            ));
        }
        if !self.hides() && span.hidden > 0 {
            let format = self.format;
            return Err(format!(
                "{format} cannot signal the codec delay of {name} after another file"
            ));
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(samples: i64, rate: u32) -> f64 {
    samples as f64 / f64::from(rate)
}
