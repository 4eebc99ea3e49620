//! Packets with what a decoder read from them.

use codec_container::{AnnexB, CodedPacket, Input, PacketReader, TrackKind};
use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{Codec, DecodeReport, VideoDecoder};
use codec_core::frame::{PictureInfo, Rational, Size};
use codec_core::registry;

use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::io::decoded::{DecodeOptions, open_decoder};
use crate::io::input::{InputSpec, Opened};
use crate::io::unreadable::{Advice, missing};

/// What is known before the first packet.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: String,
    /// The container's name.
    pub(super) format: String,
    pub(super) codec: &'static str,
    pub(super) size: Size,
    pub(super) time_base: Rational,
    pub(super) frame_rate: Option<Rational>,
    /// Packets, where stated.
    pub(super) count: Option<u64>,
    pub(super) info: PictureInfo,
    /// What this codec's reports lack, and why.
    pub(super) note: Option<String>,
}

/// A packet and what became of it.
pub(super) struct Seen<'a> {
    pub(super) packet: &'a CodedPacket,
    pub(super) outcome: Outcome<'a>,
    /// Damage does not end the run.
    pub(super) goes_on: bool,
    pub(super) info: PictureInfo,
}

pub(super) enum Outcome<'a> {
    /// Decoded and described block by block.
    Traced(&'a FrameTrace),
    /// Decoded by a decoder that does not tell more; the quantiser index, if it tells that.
    Reported(DecodeReport, Option<u8>),
    /// There is no decoder.
    Unread,
    /// Refused.
    Damaged(Failure),
}

/// Reads packets and decodes them.
pub(super) struct Packets {
    pub(super) facts: Facts,
    reader: Box<dyn PacketReader>,
    decoder: Option<Box<dyn VideoDecoder>>,
    packet: CodedPacket,
    /// What makes packets of H.264 in boxes those that decoders take, and the packet made.
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
    conceal: bool,
    env: Env,
}

impl Packets {
    pub(super) fn open(spec: &InputSpec, conceal: bool, env: Env) -> Result<Self> {
        let name = spec.name();
        let refused = |why: &str| Failure::new(Kind::Input, format!("{name}: {why}"));
        let mut reader = match spec.open(env)? {
            Opened::Container(Input::Packets(reader)) => reader,
            Opened::Still(..) => return Err(refused("a still picture: there are no packets")),
            _ => return Err(refused("raw video: there are no packets to inspect")),
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
        let note = match (&decoder, stream.codec) {
            (_, Codec::Vp8) => None,
            (Some(_), _) => Some(format!(
                "{codec} is shown packet by packet: blocks and pictures are for vp8 so far"
            )),
            (None, _) => Some(format!(
                "{codec} cannot be decoded by this build: sizes and key frames are the container's"
            )),
        };
        let facts = Facts {
            name: name.clone(),
            format: stream.format.to_string(),
            codec,
            size: stream.size,
            time_base: stream.time_base,
            frame_rate: stream.frame_rate,
            count: stream.packet_count,
            info: stream.info,
            note,
        };
        let is_avc = stream.codec == Codec::H264;
        let annex_b = AnnexB::new(&stream.codec_private).filter(|_| is_avc);
        let (packet, converted) = (CodedPacket::default(), Vec::new());
        Ok(Self { facts, reader, decoder, packet, annex_b, converted, conceal, env })
    }

    /// The next packet; an error of the container ends the stream.
    pub(super) fn next(&mut self) -> Result<Option<Seen<'_>>> {
        if !self.read()? {
            return Ok(None);
        }
        let CodedPacket { data, pts, duration, index, offset, .. } = &self.packet;
        let data = match &self.annex_b {
            None => data,
            Some(annex_b) => {
                annex_b.convert(data, &mut self.converted);
                &self.converted
            }
        };
        let outcome = match &mut self.decoder {
            None => Outcome::Unread,
            Some(decoder) => {
                let decoded = decoder.decode(data, *pts, *duration);
                while decoder.receive().is_some() {}
                match decoded {
                    Ok(report) => match decoder.trace() {
                        Some(trace) => Outcome::Traced(trace),
                        None => {
                            let tells = decoder.capabilities().reports_qindex;
                            Outcome::Reported(report, tells.then_some(report.qindex))
                        }
                    },
                    Err(error) => {
                        let place = format!("{}: packet {index} at byte {offset}", self.facts.name);
                        Outcome::Damaged(Failure::decoding(&place, &error))
                    }
                }
            }
        };
        let (packet, goes_on, info) = (&self.packet, self.conceal, self.facts.info);
        Ok(Some(Seen { packet, outcome, goes_on, info }))
    }

    fn read(&mut self) -> Result<bool> {
        let failed = |error| Failure::reading(&self.facts.name, &error);
        match self.reader.read(&mut self.packet).map_err(failed) {
            Err(failure) if self.conceal => {
                self.env.console.warn(&failure.message);
                // A reader that cannot go on says so at the next call.
                self.reader.read(&mut self.packet).map_err(failed).or(Ok(false))
            }
            outcome => outcome,
        }
    }
}
