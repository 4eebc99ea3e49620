//! Frames decoded from a coded stream.

use std::collections::VecDeque;
use std::sync::Arc;

use codec_backends::registry;
use codec_container::{AnnexB, CodedPacket, Format, PacketReader, TrackKind};
use codec_core::codec::{Codec, Conceal, DecoderConfig, FrameFormats, Limits, VideoDecoder};
use codec_core::frame::{Color, Frame, Rational, SampleFormat, Size};
use codec_core::parallel::RowPool;

use super::input::InputSpec;
use super::key_frame::{self, Entry};
use super::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use super::unreadable::{Advice, missing, with_help};
use crate::Env;
use crate::count::counted;
use crate::cut::ticks_at;
use crate::failure::{Failure, Kind, Result};
use crate::frame::depth::CONVERT;
use crate::threads::threads_for;
use crate::values::{Deinterlace, FpsTarget, PixFmt};

/// Decoding options.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    /// `codec` or `codec/backend`.
    pub backend: Option<String>,
    /// Limits on the input.
    pub limits: Limits,
    /// Whether to conceal damage and continue.
    pub conceal: bool,
    /// Number of decoder threads. `None`: by frame size and cores.
    pub threads: Option<usize>,
    /// Keep the syntax trace of each packet.
    pub trace: bool,
    /// Which formats of samples the frames may have.
    pub formats: FrameFormats,
    /// The format that all frames are converted to.
    pub pix_fmt: Option<PixFmt>,
    /// Which frames are deinterlaced.
    pub deinterlace: Deinterlace,
    /// The frame rate to which the video is converted.
    pub fps: Option<FpsTarget>,
    /// The remedy that messages about unreadable tracks suggest.
    pub advice: Advice,
}

/// Opens a decoder for `codec`, or the backend that the user named. With several threads it may
/// delay its output by `delay_frames`.
///
/// # Errors
/// If no decoder is found or the input is damaged.
pub fn open_decoder(
    codec: &str,
    size: Size,
    options: &DecodeOptions,
    delay_frames: u32,
    env: &Env,
) -> Result<Box<dyn VideoDecoder>> {
    let spec = match &options.backend {
        Some(spec) if spec.split('/').next() != Some(codec) => {
            return Err(Failure::usage(format!("the input is {codec}, but -c selects {spec}")));
        }
        Some(spec) => spec,
        None => codec,
    };
    let mut config = DecoderConfig::default();
    config.limits = options.limits;
    config.conceal = if options.conceal { Conceal::On } else { Conceal::Off };
    let threads = threads_for(options.threads, size);
    if threads > 1 {
        config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
        config.delay_frames = delay_frames;
    }
    config.formats = match options.pix_fmt {
        Some(_) => FrameFormats::All,
        None => options.formats,
    };
    config.simd = Some(env.level);
    config.trace = options.trace;
    let (_, open, _) =
        registry::find_decoder(spec).map_err(|error| match registry::find(spec) {
            Ok(_) => Failure::new(Kind::Backend, format!("{spec} has no decoder")),
            Err(_) => Failure::decoding("decoder", error),
        })?;
    open(&config).map_err(|error| Failure::decoding("decoder", error))
}

/// Packets inspected for the frame rate if the container does not state it.
const PEEK: usize = 13;

/// Where the field order of frames comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldMarks {
    /// The container, for all frames, until the decoder has marked one as interlaced.
    OfContainer,
    OfDecoder,
}

/// Reads packets and decodes them.
pub(crate) struct DecodedSource {
    reader: Box<dyn PacketReader>,
    decoder: Box<dyn VideoDecoder>,
    name: String,
    env: Env,
    conceal: bool,
    advice: Advice,
    stream_info: StreamInfo,
    field_marks: FieldMarks,
    /// Packets read ahead for the frame rate.
    peeked: VecDeque<CodedPacket>,
    /// The error after the packets that were read ahead.
    peeked_failure: Option<Failure>,
    packet: CodedPacket,
    /// Packets before the key frame at which decoding begins.
    unneeded: u64,
    /// Converts H.264 packets from MP4 to Annex B for decoders, and holds the result.
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
    /// Times of decoded frames that the container does not show.
    hidden: Vec<i64>,
    /// Times of H.264 packets that were decoded, but whose frames the decoder has not output: frames before
    /// decoding has recovered, and first fields.
    withheld: Option<Vec<i64>>,
    /// For streams without times: the number of the next frame, which is its time.
    next_time: Option<i64>,
    /// The first frame, decoded early for its size, until it is returned; later the current one.
    frame: Option<Frame>,
    is_first: bool,
    ended: bool,
    damage: Damage,
    last_failure: Option<String>,
    /// The error that ends the stream, returned after the frames before it.
    failure: Option<Failure>,
    coded_bytes: u64,
}

impl DecodedSource {
    pub(crate) fn new(
        mut reader: Box<dyn PacketReader>,
        spec: &InputSpec,
        options: &DecodeOptions,
        env: &Env,
    ) -> Result<Self> {
        let name = spec.name();
        reader.select_video();
        let Some((_, stream)) = reader.video() else {
            return Err(missing(&*reader, TrackKind::Video, &name, options.advice));
        };
        let codec = stream.codec.name();
        // If no backend was named, an undecodable codec is an error of the input.
        let unknown = options.backend.is_none() && registry::find_decoder(codec).is_err();
        if unknown {
            let message = format!("{name}: this build cannot decode {codec} video");
            let has_other = reader.audio().is_some();
            let message = with_help(&message, TrackKind::Video, &name, has_other, options.advice);
            return Err(Failure::new(Kind::Input, message));
        }
        // A file reader can wait for a frame.
        let decoder = open_decoder(codec, stream.size, options, 1, env)?;
        let stream_info = StreamInfo {
            samples: SampleFormat::YUV420,
            size: stream.size,
            time_base: stream.time_base,
            frame_rate: stream.frame_rate.unwrap_or(Rational::new(30, 1)),
            count: stream.packet_count,
            info: stream.info,
            kind: format!("{codec} in {}", stream.format),
            title: stream.name.clone(),
        };
        let states_rate = stream.frame_rate.is_some();
        // The packets are numbered in decoding order.
        let next_time = (stream.format == Format::H264).then_some(0);
        let is_avc = stream.codec == Codec::H264;
        let annex_b = AnnexB::new(&stream.codec_private).filter(|_| is_avc);
        let mut source = Self {
            reader,
            decoder,
            name,
            env: env.clone(),
            conceal: options.conceal,
            advice: options.advice,
            stream_info,
            field_marks: FieldMarks::OfContainer,
            peeked: VecDeque::new(),
            peeked_failure: None,
            packet: CodedPacket::default(),
            unneeded: 0,
            annex_b,
            converted: Vec::new(),
            hidden: Vec::new(),
            withheld: is_avc.then(Vec::new),
            next_time,
            frame: None,
            is_first: true,
            ended: false,
            damage: Damage::default(),
            last_failure: None,
            failure: None,
            coded_bytes: 0,
        };
        if !states_rate {
            source.peek();
        }
        source.begin_at_cut(spec)?;
        source.frame = source.decode_next()?;
        let Some(first) = &source.frame else {
            let message = match source.last_failure {
                Some(why) => format!("cannot decode any frame: {why}"),
                None => format!("{}: no video packets", source.name),
            };
            return Err(Failure::new(Kind::Corrupt, message));
        };
        source.stream_info.size = first.size();
        source.stream_info.samples = first.format();
        if first.info.field_order.is_interlaced() {
            source.field_marks = FieldMarks::OfDecoder;
            source.stream_info.info.field_order = first.info.field_order;
        }
        if source.stream_info.info.pixel_aspect.is_none() {
            // Formats without a description leave it to the codec (H.264).
            source.stream_info.info.pixel_aspect = first.info.pixel_aspect;
        }
        let stated = source.stream_info.info.color;
        if stated == Color::default() {
            // Some codecs describe colours themselves (AV1).
            source.stream_info.info.color = first.info.color;
        }
        Ok(source)
    }

    /// Estimates the frame rate from the first packets.
    fn peek(&mut self) {
        while self.peeked.len() < PEEK {
            let mut packet = CodedPacket::default();
            match self.reader.read(&mut packet) {
                Ok(true) => self.peeked.push_back(packet),
                Ok(false) => break,
                Err(error) => {
                    self.peeked_failure = Some(Failure::reading(&self.name, error));
                    break;
                }
            }
        }
        let times: Vec<i64> = self.peeked.iter().filter(|p| p.shown).map(|p| p.pts).collect();
        if let Some(rate) = estimate_rate(&times, self.stream_info.time_base) {
            self.stream_info.frame_rate = rate;
        }
    }

    /// Moves to the key frame before the cut. Frames of streams without times are numbered as they
    /// are decoded, so these are decoded from the start.
    fn begin_at_cut(&mut self, spec: &InputSpec) -> Result<()> {
        let Some((track, stream)) = self.reader.video() else { return Ok(()) };
        let from = match spec.cut.from {
            Some(from) if self.next_time.is_none() => from,
            _ => return Ok(()),
        };
        let time = ticks_at(from, stream.time_base);
        let reopen = || spec.reopen(&self.env);
        let found = key_frame::find(&mut *self.reader, track, time, &reopen);
        match found.map_err(|error| Failure::reading(&self.name, error))? {
            Entry::Packet(packet) => {
                self.peeked = VecDeque::from([packet]);
                self.peeked_failure = None;
            }
            Entry::After(count) => self.unneeded = count,
        }
        Ok(())
    }

    /// Reads a packet into `self.packet`; `false` at the end.
    fn read(&mut self) -> Result<bool> {
        while self.unneeded > 0 {
            self.unneeded -= 1;
            if !self.read_any()? {
                return Ok(false);
            }
        }
        self.read_any()
    }

    fn read_any(&mut self) -> Result<bool> {
        if let Some(packet) = self.peeked.pop_front() {
            self.packet = packet;
            return Ok(true);
        }
        let outcome = match self.peeked_failure.take() {
            Some(failure) => Err(failure),
            None => self
                .reader
                .read(&mut self.packet)
                .map_err(|error| Failure::reading(&self.name, error)),
        };
        match outcome {
            Err(failure) if self.conceal && failure.kind != Kind::Internal => {
                self.env.events.warn(&failure.message);
                self.damage.lost_packets += 1;
                self.last_failure = Some(failure.message);
                // A reader that cannot continue reports so at the next call.
                self.reader
                    .read(&mut self.packet)
                    .map_err(|error| Failure::reading(&self.name, error))
                    .or(Ok(false))
            }
            other => other,
        }
    }

    /// Warns of frames before `time` that the decoder does not output; with `None`, of all of them.
    fn report_withheld(&mut self, time: Option<i64>) {
        let Some(withheld) = &mut self.withheld else { return };
        // The frame of a first field has the time of its packet.
        withheld.retain(|&pts| Some(pts) != time);
        let before = withheld.len();
        withheld.retain(|&pts| time.is_some_and(|time| pts > time));
        let count = before - withheld.len();
        if count > 0 {
            let frames = counted(count as u64, "frame");
            let why = "they may refer to frames before the start, which are missing";
            self.env.events.warn(format!("{}: {frames} not output: {why}", self.name));
        }
    }

    fn decode_next(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(mut frame) = self.decoder.receive() {
                self.report_withheld(Some(frame.pts));
                if let Some(at) = self.hidden.iter().position(|time| *time == frame.pts) {
                    self.hidden.swap_remove(at);
                    continue;
                }
                if let Some(time) = &mut self.next_time {
                    (frame.pts, frame.duration) = (*time, Some(1));
                    *time += 1;
                }
                return Ok(Some(frame));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.ended {
                self.report_withheld(None);
                return Ok(None);
            }
            if self.env.stop.is_requested() {
                return Err(Failure::interrupted(false));
            }
            match self.read() {
                Ok(true) => {}
                outcome => {
                    self.ended = true;
                    self.failure = outcome.err();
                    self.decoder.finish();
                    continue;
                }
            }
            let CodedPacket { data, pts, duration, index, offset, .. } = &self.packet;
            self.coded_bytes += data.len() as u64;
            let data = match &mut self.annex_b {
                None => data,
                Some(annex_b) => {
                    annex_b.convert(data, &mut self.converted);
                    &self.converted
                }
            };
            match self.decoder.decode(data, *pts, *duration) {
                Ok(report) => {
                    self.damage.total_mbs += u64::from(report.total_mbs);
                    self.damage.concealed_mbs += u64::from(report.concealed_mbs);
                    self.damage.replaced_references += u64::from(report.replaced_reference);
                    self.damage.concealed_frames += u64::from(report.concealed_mbs > 0);
                    if report.shown && !self.packet.shown {
                        self.hidden.push(*pts);
                    }
                    if let Some(withheld) = &mut self.withheld
                        && !report.shown
                        && self.packet.shown
                    {
                        withheld.push(*pts);
                    }
                }
                Err(error) => {
                    let place = format!("{}: packet {index} at byte {offset}", self.name);
                    let is_format = is_format_error(&error);
                    let is_unsupported = matches!(error, codec_core::Error::Unsupported(_));
                    let mut failure = Failure::decoding(&place, error);
                    if is_format {
                        failure.kind = Kind::Input;
                        failure.message = format!("{}\n{CONVERT}", failure.message);
                    } else if is_unsupported {
                        let (has_audio, kind) = (self.reader.audio().is_some(), TrackKind::Video);
                        let (name, advice) = (&self.name, self.advice);
                        failure.message =
                            with_help(&failure.message, kind, name, has_audio, advice);
                    }
                    if !self.conceal {
                        self.ended = true;
                        self.failure = Some(failure);
                        self.decoder.finish();
                        continue;
                    }
                    self.env.events.detail(&failure.message);
                    self.damage.lost_packets += 1;
                    self.last_failure = Some(failure.message);
                }
            }
        }
    }
}

impl FrameSource for DecodedSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        if self.is_first {
            self.is_first = false;
        } else {
            // Return the old frame to the decoder's pool first.
            self.frame = None;
            self.frame = self.decode_next()?;
        }
        let Some(frame) = &self.frame else { return Ok(None) };
        let mut info = self.stream_info.info;
        if frame.info.field_order.is_interlaced() {
            self.field_marks = FieldMarks::OfDecoder;
        }
        if self.field_marks == FieldMarks::OfDecoder {
            info.field_order = frame.info.field_order;
        }
        let picture = frame.picture().with_info(info);
        Ok(Some(SourceFrame { picture, pts: frame.pts, duration: frame.duration }))
    }

    fn damage(&self) -> Damage {
        self.damage
    }

    fn coded_bytes(&self) -> u64 {
        self.coded_bytes
    }
}

/// Whether the decoder rejects the format of the samples.
fn is_format_error(error: &codec_core::Error) -> bool {
    matches!(error, codec_core::Error::Unsupported(found)
        if SampleFormat::from_name(found.what).is_some())
}

/// The common rate nearest to the mean interval of `times`, if one is close.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn estimate_rate(times: &[i64], time_base: Rational) -> Option<Rational> {
    // With B frames the packets are not in presentation order.
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    let ticks = last.checked_sub(*first).filter(|&ticks| ticks > 0)?;
    let seconds = ticks as f64 * time_base.as_f64();
    let rate = (times.len() - 1) as f64 / seconds;
    let usual = [10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120].map(|r| Rational::new(r, 1));
    let ntsc = [24, 30, 60, 120].map(|r| Rational::new(r * 1000, 1001));
    let distance = |r: &Rational| (r.as_f64() / rate - 1.0).abs();
    let near = usual.into_iter().chain(ntsc).min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    if distance(&near) < 0.02 {
        return Some(near);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let thousandths = (rate * 1000.0).round().clamp(1000.0, 240_000.0) as u32;
    Some(Rational::new(thousandths, 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_recognised_as_thirty_frames_a_second() {
        let times: Vec<i64> = (0..13).map(|n| (n * 100 + 1) / 3).collect();
        let rate = estimate_rate(&times, Rational::new(1, 1000));
        assert!(rate.is_some_and(|rate| (rate.as_f64() - 30.0).abs() < 0.05), "{rate:?}");
        assert_eq!(estimate_rate(&[5], Rational::new(1, 1000)), None);
        assert_eq!(estimate_rate(&[5, 5], Rational::new(1, 1000)), None);
    }
}
