//! Reads packets and decodes them with tracing.

use codec_backends::registry;
use codec_container::{
    AnnexB, Av1Frame, Av1Frames, CodedPacket, Format, Input, PacketReader, TrackKind,
};
use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{Codec, DecodeReport, VideoDecoder};
use codec_core::frame::{PictureInfo, Rational, Size};

use codec_media::Env;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::cut_packets::CutPackets;
use codec_media::io::decoded::{DecodeOptions, open_decoder};
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::unreadable::{Advice, missing};

use super::comparison::Comparison;

/// Properties of the input known before the first packet.
#[derive(Clone, Debug)]
pub(super) struct InputInfo {
    pub(super) name: String,
    /// The container's name.
    pub(super) format: String,
    pub(super) codec: &'static str,
    pub(super) size: Size,
    pub(super) time_base: Rational,
    pub(super) frame_rate: Option<Rational>,
    /// Number of packets, if the container states it.
    pub(super) count: Option<u64>,
    pub(super) info: PictureInfo,
    /// Name of the source that frames are compared with.
    pub(super) source: Option<String>,
    /// Whether frames are described block by block.
    pub(super) has_blocks: bool,
    /// Remark on the limits of reports for this codec.
    pub(super) note: Option<String>,
}

/// A packet and its decoding result.
pub(super) struct Seen<'a> {
    pub(super) packet: &'a CodedPacket,
    pub(super) outcome: Outcome<'a>,
    /// Comparison of the frame with the source, if there is one.
    pub(super) comparison: Option<Comparison>,
    /// Whether the run continues after damage.
    pub(super) goes_on: bool,
    /// Whether the decoder has output a frame before the frame of an earlier packet.
    pub(super) is_reordered: bool,
    pub(super) info: PictureInfo,
    /// Number of the frame in a packet with several, from 0.
    pub(super) frame: Option<usize>,
}

impl<'a> Seen<'a> {
    /// Returns the frames of the packet that precede this one in it.
    pub(super) fn earlier(&self) -> impl Iterator<Item = Seen<'a>> + use<'a> {
        let Self { packet, goes_on, is_reordered, info, .. } = *self;
        let earlier: Vec<Outcome<'a>> = match self.outcome {
            Outcome::Traced(trace) => trace.earlier.iter().map(Outcome::Traced).collect(),
            Outcome::Header(_, earlier) => {
                earlier.iter().map(|frame| Outcome::Header(frame, &[])).collect()
            }
            _ => Vec::new(),
        };
        earlier.into_iter().enumerate().map(move |(number, outcome)| Seen {
            packet,
            outcome,
            comparison: None,
            goes_on,
            is_reordered,
            info,
            frame: Some(number),
        })
    }

    /// Size of the frame in bytes, which is the size of the packet if the packet has only one frame.
    pub(super) fn bytes(&self) -> u64 {
        match (&self.outcome, self.frame) {
            (Outcome::Traced(trace), Some(_)) => trace.packet_bytes,
            (Outcome::Header(frame, _), Some(_)) => frame.bytes,
            _ => self.packet.data.len() as u64,
        }
    }

    /// Whether this is the last frame of its packet.
    pub(super) fn is_last(&self) -> bool {
        match (&self.outcome, self.frame) {
            (Outcome::Traced(trace), Some(number)) => number > 0 && number == trace.earlier.len(),
            (Outcome::Header(_, earlier), Some(number)) => number > 0 && number == earlier.len(),
            _ => true,
        }
    }
}

pub(super) enum Outcome<'a> {
    /// Decoded and described block by block.
    Traced(&'a FrameTrace),
    /// The header of a frame, and the headers of the frames that precede it in the packet.
    Header(&'a Av1Frame, &'a [Av1Frame]),
    /// Decoded by a decoder without tracing; with the quantiser index, if reported.
    Reported(DecodeReport, Option<u8>),
    /// No decoder can read the packet.
    Unread,
    /// The decoder rejected the packet.
    Damaged(Failure),
}

/// Reads packets and decodes them.
pub(super) struct Packets {
    pub(super) input_info: InputInfo,
    /// Whether the input is an H.264 byte stream: the times of its packets are their positions.
    pub(super) is_byte_stream: bool,
    reader: Box<dyn PacketReader>,
    decoder: Option<Box<dyn VideoDecoder>>,
    packet: CodedPacket,
    /// Reads the frame headers of AV1, and the frames of the packet.
    headers: Option<Av1Frames>,
    frames: Vec<Av1Frame>,
    /// Converts H.264 packets from MP4 to Annex B for decoders, and holds the result.
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
    conceal: bool,
    /// Time of the packet whose frame was output last, and whether a later frame preceded it.
    last_output: i64,
    is_reordered: bool,
    env: Env,
}

impl Packets {
    pub(super) fn open(spec: &InputSpec, conceal: bool, env: &Env) -> Result<Self> {
        let name = spec.name();
        let refused = |why: &str| Failure::new(Kind::Input, format!("{name}: {why}"));
        let mut reader = match spec.open(env)? {
            Opened::Container(Input::Packets(reader)) if !spec.cut.is_whole() => {
                // Decoding begins at a key frame.
                let cut = Cut { keep_times: true, ..spec.cut };
                let spec = InputSpec { cut, ..spec.clone() };
                Box::new(CutPackets::new(reader, &spec, env)?)
            }
            Opened::Container(Input::Packets(reader)) => reader,
            Opened::Still(..) | Opened::Animation(..) | Opened::Images(..) => {
                return Err(refused("images have no packets to inspect"));
            }
            _ => return Err(refused("raw video has no packets to inspect")),
        };
        reader.select_video();
        let Some((_, stream)) = reader.video() else {
            return Err(missing(&*reader, TrackKind::Video, &name, Advice::default()));
        };
        let codec = stream.codec.name();
        let options = DecodeOptions {
            limits: spec.limits,
            conceal,
            threads: Some(1),
            trace: true,
            ..DecodeOptions::default()
        };
        let decoder = match registry::find_decoder(codec) {
            Ok(_) => Some(open_decoder(codec, stream.size, &options, 0, env)?),
            Err(_) => None,
        };
        let has_trace = matches!(stream.codec, Codec::Vp8 | Codec::H264 | Codec::Vp9);
        let is_av1 = stream.codec == Codec::Av1;
        let note = match &decoder {
            Some(_) if has_trace => None,
            _ if is_av1 => Some(format!(
                "no blocks or frame images for {codec}, only frame headers: vp8, vp9 and h264 have both"
            )),
            Some(_) => Some(format!(
                "no blocks or frame images for {codec}: only vp8, vp9 and h264 have them"
            )),
            None => Some(format!(
                "this build cannot decode {codec}: sizes and key frames come from the container"
            )),
        };
        let headers = is_av1.then(|| Av1Frames::new(&stream.codec_private));
        let input_info = InputInfo {
            name: name.clone(),
            format: stream.format.to_string(),
            codec,
            size: stream.size,
            time_base: stream.time_base,
            frame_rate: stream.frame_rate,
            count: stream.packet_count,
            info: stream.info,
            source: None,
            has_blocks: decoder.is_some() && has_trace,
            note,
        };
        let is_byte_stream = stream.format == Format::H264;
        let is_avc = stream.codec == Codec::H264;
        let annex_b = AnnexB::new(&stream.codec_private).filter(|_| is_avc);
        let (packet, converted) = (CodedPacket::default(), Vec::new());
        Ok(Self {
            input_info,
            is_byte_stream,
            reader,
            decoder,
            packet,
            headers,
            frames: Vec::new(),
            annex_b,
            converted,
            conceal,
            last_output: i64::MIN,
            is_reordered: false,
            env: env.clone(),
        })
    }

    /// Returns the next packet; an error of the container ends the stream.
    pub(super) fn next(&mut self) -> Result<Option<Seen<'_>>> {
        if !self.read()? {
            return Ok(None);
        }
        let CodedPacket { data, pts, duration, index, offset, .. } = &self.packet;
        let data = match &mut self.annex_b {
            None => data,
            Some(annex_b) => {
                annex_b.convert(data, &mut self.converted);
                &self.converted
            }
        };
        // Without headers, the row has what the decoder or the container reports.
        self.frames =
            self.headers.as_mut().and_then(|headers| headers.read(data)).unwrap_or_default();
        let mut outcome = match &mut self.decoder {
            None => Outcome::Unread,
            Some(decoder) => {
                let decoded = decoder.decode(data, *pts, *duration);
                while let Some(frame) = decoder.receive() {
                    self.is_reordered |= frame.pts < self.last_output;
                    self.last_output = frame.pts;
                }
                match decoded {
                    Ok(report) => match decoder.trace() {
                        Some(trace) => Outcome::Traced(trace),
                        None => {
                            let reports = decoder.capabilities().reports_qindex;
                            Outcome::Reported(report, reports.then_some(report.qindex))
                        }
                    },
                    Err(error) => {
                        let place =
                            format!("{}: packet {index} at byte {offset}", self.input_info.name);
                        Outcome::Damaged(Failure::decoding(&place, error))
                    }
                }
            }
        };
        if !matches!(outcome, Outcome::Damaged(_))
            && let Some((last, earlier)) = self.frames.split_last()
        {
            outcome = Outcome::Header(last, earlier);
        }
        let (packet, goes_on, info) = (&self.packet, self.conceal, self.input_info.info);
        let is_reordered = self.is_reordered;
        let frame = match &outcome {
            Outcome::Traced(trace) if !trace.earlier.is_empty() => Some(trace.earlier.len()),
            Outcome::Header(_, earlier) if !earlier.is_empty() => Some(earlier.len()),
            _ => None,
        };
        Ok(Some(Seen { packet, outcome, comparison: None, goes_on, is_reordered, info, frame }))
    }

    /// Decodes the packets up to the end, or to damage that ends the stream. Passes the times of
    /// the packets to `output`, in the order in which their frames are displayed.
    pub(super) fn decode_all(mut self, mut output: impl FnMut(i64)) {
        let Some(mut decoder) = self.decoder.take() else { return };
        while let Ok(true) = self.read() {
            // The report has a row for damage.
            let _ = decoder.decode(&self.packet.data, self.packet.pts, self.packet.duration);
            while let Some(frame) = decoder.receive() {
                output(frame.pts);
            }
        }
        decoder.finish();
        while let Some(frame) = decoder.receive() {
            output(frame.pts);
        }
    }

    fn read(&mut self) -> Result<bool> {
        let failed = |error| Failure::reading(&self.input_info.name, error);
        match self.reader.read(&mut self.packet).map_err(failed) {
            Err(failure) if self.conceal => {
                self.env.events.warn(&failure.message);
                // A reader that cannot continue reports so at the next call.
                self.reader.read(&mut self.packet).map_err(failed).or(Ok(false))
            }
            outcome => outcome,
        }
    }
}
