//! The video of several files one after another: decoded frames, or packets.

use std::collections::VecDeque;

use codec_container::{CodedPacket, Error, PacketReader, Track, VideoTrack};
use codec_core::frame::Rational;

use super::part::{Part, turns, video_title};
use crate::Env;
use crate::cut::{ns_to_ticks, ticks_to_ns};
use crate::failure::{Failure, Kind, Result};
use crate::frame::copy::FrameCopy;
use crate::frame::transform::Transform;
use crate::io::cut_packets::{CutPackets, VideoPackets};
use crate::io::decoded::DecodeOptions;
use crate::io::input::{InputSpec, Opened};
use crate::io::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::io::video;
use crate::values::Rotate;

/// Ticks per second of joined files with different time bases.
const COMMON_HZ: u32 = 90_000;

/// The time base of all parts, or a common one.
pub(super) fn common_base(mut bases: impl Iterator<Item = Rational>) -> Rational {
    let first = bases.next().unwrap_or(Rational::new(1, COMMON_HZ));
    if bases.all(|base| base == first) { first } else { Rational::new(1, COMMON_HZ) }
}

/// A part with the time at which it begins in the output.
struct Placed {
    spec: InputSpec,
    /// The start of its video in the input, and in the output, in nanoseconds.
    from_ns: i64,
    at_ns: i64,
    /// The end of its video in the output, if the rest of the input is cut off.
    cut_ns: Option<i64>,
}

fn placed(parts: &[Part]) -> VecDeque<Placed> {
    let mut at_ns = 0_i64;
    let place = |part: &Part| {
        let (spec, from_ns) = (part.spec.clone(), part.extent.start_ns);
        let end_ns = at_ns.saturating_add(part.extent.length_ns());
        let cut_ns = spec.cut.to.map(|_| end_ns);
        let placed = Placed { spec, from_ns, at_ns, cut_ns };
        at_ns = end_ns;
        placed
    };
    parts.iter().map(place).collect()
}

/// Converts a time of a part to a time of the output.
fn moved(ticks: i64, from: Rational, to: Rational, shift_ns: i64) -> i64 {
    if from == to {
        return ticks.saturating_add(ns_to_ticks(shift_ns, to));
    }
    ns_to_ticks(ticks_to_ns(ticks, from).saturating_add(shift_ns), to)
}

/// The frames of all parts.
pub(super) struct ChainedFrames {
    parts: VecDeque<Placed>,
    current: Option<Box<dyn FrameSource>>,
    /// Time base of the current part, and what its times are moved by.
    base: Rational,
    shift_ns: i64,
    stream_info: StreamInfo,
    options: DecodeOptions,
    damage: Damage,
    coded_bytes: u64,
    /// Turns the frames as their metadata says, if the parts differ.
    turn: Option<Transform>,
    /// The current frame.
    frame: FrameCopy,
    pts: i64,
    duration: Option<i64>,
    env: Env,
}

impl ChainedFrames {
    /// Joins the video of `parts`.
    pub(super) fn new(parts: &[Part], options: DecodeOptions, env: &Env) -> Result<Self> {
        let mut infos = Vec::new();
        for part in parts {
            let source = video::open(&part.spec, &options, &env.quiet())?;
            infos.push(source.stream_info().clone());
        }
        let base = common_base(infos.iter().map(|info| info.time_base));
        let counts: Option<Vec<u64>> = infos.iter().map(|info| info.count).collect();
        let Some(mut stream_info) = infos.into_iter().next() else {
            return Err(Failure::internal("no parts"));
        };
        stream_info.count = counts.map(|counts| counts.iter().sum());
        stream_info.time_base = base;
        stream_info.title = video_title(parts, env);
        let turn = turns(parts).then(|| Transform::new(None, Some(Rotate::AsDescribed), None));
        if let Some(turn) = &turn {
            let turned = turn.outcome(stream_info.size, stream_info.info)?;
            (stream_info.size, stream_info.info) = turned;
        }
        Ok(Self {
            parts: placed(parts),
            current: None,
            base,
            shift_ns: 0,
            stream_info,
            options,
            damage: Damage::default(),
            coded_bytes: 0,
            turn,
            frame: FrameCopy::default(),
            pts: 0,
            duration: None,
            env: env.clone(),
        })
    }

    /// Opens the next part; `false` after the last one.
    fn next_part(&mut self) -> Result<bool> {
        if let Some(last) = self.current.take() {
            self.damage.add(last.damage());
            self.coded_bytes += last.coded_bytes();
        }
        let Some(next) = self.parts.pop_front() else { return Ok(false) };
        let source = video::open(&next.spec, &self.options, &self.env)?;
        self.base = source.stream_info().time_base;
        self.shift_ns = next.at_ns.saturating_sub(next.from_ns);
        self.current = Some(source);
        Ok(true)
    }
}

impl FrameSource for ChainedFrames {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        loop {
            if let Some(source) = &mut self.current
                && let Some(frame) = source.next()?
            {
                let to = self.stream_info.time_base;
                self.pts = moved(frame.pts, self.base, to, self.shift_ns);
                let end = frame.duration.map(|ticks| frame.pts.saturating_add_unsigned(ticks));
                let end = end.map(|end| moved(end, self.base, to, self.shift_ns));
                self.duration = end.map(|end| end.saturating_sub(self.pts));
                let picture = match &mut self.turn {
                    Some(turn) => turn.apply(frame.picture)?,
                    None => frame.picture,
                };
                self.frame.copy_from(&picture);
                break;
            }
            if !self.next_part()? {
                return Ok(None);
            }
        }
        let duration = self.duration.and_then(|ticks| u64::try_from(ticks).ok());
        Ok(Some(SourceFrame { picture: self.frame.picture()?, pts: self.pts, duration }))
    }

    fn damage(&self) -> Damage {
        let mut damage = self.damage;
        if let Some(current) = &self.current {
            damage.add(current.damage());
        }
        damage
    }

    fn coded_bytes(&self) -> u64 {
        self.coded_bytes + self.current.as_ref().map_or(0, |current| current.coded_bytes())
    }
}

/// The packets of all parts.
pub(super) struct ChainedPackets {
    parts: VecDeque<Placed>,
    current: Option<CutPackets>,
    tracks: [Track; 1],
    to: Rational,
    base: Rational,
    shift_ns: i64,
    /// The end of the current part, if it is cut.
    cut_ns: Option<i64>,
    /// The end of all parts, in nanoseconds.
    end_ns: i64,
    /// Whether the last part is damaged. Its packets end there, and the caller has the error.
    ends_at_damage: bool,
    env: Env,
}

impl ChainedPackets {
    /// Joins the packets of `parts`, which have equal parameters; `track` describes them.
    pub(super) fn new(parts: &[Part], mut track: VideoTrack, env: &Env) -> Self {
        let bases =
            parts.iter().filter_map(|part| part.coded.as_ref()).map(|track| track.time_base);
        track.time_base = common_base(bases);
        (track.packet_count, track.duration) = (None, None);
        track.name = video_title(parts, env);
        Self {
            to: track.time_base,
            base: track.time_base,
            tracks: [Track::Video(track)],
            parts: placed(parts),
            current: None,
            shift_ns: 0,
            cut_ns: None,
            end_ns: parts.iter().map(|part| part.extent.length_ns()).sum(),
            ends_at_damage: parts.last().is_some_and(|part| part.damage.is_some()),
            env: env.clone(),
        }
    }

    fn next_part(&mut self) -> Result<bool> {
        let Some(next) = self.parts.pop_front() else { return Ok(false) };
        let Opened::Container(codec_container::Input::Packets(reader)) =
            next.spec.open(&self.env.quiet())?
        else {
            let message = format!("{}: changed while reading", next.spec.name());
            return Err(Failure::new(Kind::Input, message));
        };
        let packets = CutPackets::new(reader, &next.spec, &self.env)?;
        if let Some((_, track)) = packets.video() {
            self.base = track.time_base;
        }
        self.shift_ns = next.at_ns.saturating_sub(next.from_ns);
        self.cut_ns = next.cut_ns;
        self.current = Some(packets);
        Ok(true)
    }
}

impl PacketReader for ChainedPackets {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// There is only one track.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> codec_container::Result<bool> {
        loop {
            if let Some(current) = &mut self.current {
                match current.read(packet) {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(Error::Corrupt(_)) if self.ends_at_damage && self.parts.is_empty() => {
                        return Ok(false);
                    }
                    Err(error) => return Err(error),
                }
            }
            let moved_on = self.next_part();
            let refused = |failure: Failure| Error::Io(std::io::Error::other(failure.message));
            if !moved_on.map_err(refused)? {
                return Ok(false);
            }
        }
        let (from, to, shift_ns) = (self.base, self.to, self.shift_ns);
        let end = packet.duration.map(|ticks| packet.pts.saturating_add_unsigned(ticks));
        packet.pts = moved(packet.pts, from, to, shift_ns);
        packet.dts = packet.dts.map(|dts| moved(dts, from, to, shift_ns));
        let cut = self.cut_ns.map_or(i64::MAX, |cut_ns| ns_to_ticks(cut_ns, to));
        let end = end.map(|end| moved(end, from, to, shift_ns).min(cut));
        packet.duration = end.and_then(|end| u64::try_from(end.saturating_sub(packet.pts)).ok());
        packet.track = 0;
        Ok(true)
    }
}

impl VideoPackets for ChainedPackets {
    fn start_ns(&self) -> i64 {
        0
    }

    fn end_ns(&self) -> i64 {
        self.end_ns
    }
}
