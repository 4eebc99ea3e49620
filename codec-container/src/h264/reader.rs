//! Reads H.264 byte streams: a packet for each frame or field, with the parameter sets before it.

use codec_core::annex_b;
use codec_core::codec::{Codec, Limits};
use codec_core::frame::{Rational, Size};

use super::access_units::AccessUnits;
use super::description::summary_of;
use crate::io::ByteReader;
use crate::single_track::{ReadSingleTrack, SingleTrack, single_track_reader};
use crate::{
    CodedPacket, Error, Format, PayloadInfo, ReadOptions, Result, Source, Track, VideoTrack,
    Warning,
};

const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// Bytes that are read at a time.
const STEP: usize = 16 << 10;

/// Whether `head` begins an H.264 byte stream: zeros, a start code, and the header of a NAL unit
/// that can be the first.
pub(crate) fn is_stream(head: &[u8]) -> bool {
    let Some(zeros) = head.iter().position(|byte| *byte != 0) else { return false };
    let [1, header, ..] = head[zeros..] else { return false };
    let is_reference = header & 0x60 != 0;
    zeros >= 2
        && header & 0x80 == 0
        && match header & 31 {
            SLICE => true,
            IDR_SLICE | SPS | PPS => is_reference,
            SEI | DELIMITER => !is_reference,
            _ => false,
        }
}

/// Reads H.264 byte streams. Packets are numbered in decoding order: the streams have no times.
#[derive(Debug)]
pub struct H264Reader {
    input: ByteReader,
    track: SingleTrack,
    limits: Limits,
    units: AccessUnits,
    /// Length of the packet that is ready.
    ready: Option<usize>,
    index: u64,
}

impl H264Reader {
    /// Opens a byte stream and reads its first packet.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if there is no sequence parameter set; [`Error::Limit`].
    pub fn new(source: Source, options: &ReadOptions) -> Result<Self> {
        let base = Rational::new(1, 25);
        let track = VideoTrack::new(Format::H264, Codec::H264, Size::new(0, 0), base);
        let mut reader = Self {
            input: ByteReader::new(source),
            track: SingleTrack::new(Track::Video(track.clone())),
            limits: options.limits,
            units: AccessUnits::default(),
            ready: None,
            index: 0,
        };
        reader.ready = reader.gather()?;
        let first = &reader.units.bytes()[..reader.ready.unwrap_or(0)];
        reader.track.replace(Track::Video(describe(track, first)?));
        Ok(reader)
    }

    /// Position of the current packet in the file.
    fn offset(&self) -> u64 {
        self.input.position() - self.units.bytes().len() as u64
    }

    /// Finds the end of the current packet; `None` at the end of the file.
    fn gather(&mut self) -> Result<Option<usize>> {
        loop {
            if let Some(length) = self.units.complete() {
                return Ok(Some(length));
            }
            let limit = self.limits.max_frame_bytes;
            let had = self.units.bytes().len() as u64;
            if had > limit {
                return Err(Error::limit(Format::H264, self.offset(), "packet bytes", had, limit));
            }
            if self.input.append(self.units.bytes_mut(), STEP)? == 0 {
                let length = self.units.bytes().len();
                return Ok((length > 0).then_some(length));
            }
        }
    }
}

/// The track that the parameter sets in its first packet describe.
fn describe(mut track: VideoTrack, packet: &[u8]) -> Result<VideoTrack> {
    let summary = summary_of(packet).ok_or_else(|| {
        let expected = "a sequence parameter set";
        Error::corrupt(Format::H264, 0, Some(0), expected, "a packet without one")
    })?;
    track.size = summary.size;
    match summary.frame_rate {
        Some(rate) => {
            track.frame_rate = Some(rate);
            track.time_base = rate.inverse();
        }
        None => {
            track.frame_rate = Some(track.time_base.inverse());
            track.warnings.push(Warning::TimeBaseAssumed(track.time_base));
        }
    }
    track.codec_private = annex_b::avc_record(packet).unwrap_or_default();
    track.info.color = summary.color;
    summary.reject(&mut track);
    Ok(track)
}

impl ReadSingleTrack for H264Reader {
    fn track(&mut self) -> &mut SingleTrack {
        &mut self.track
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let ready = match self.ready.take() {
            Some(length) => Some(length),
            None => self.gather()?,
        };
        let Some(length) = ready else { return Ok(false) };
        packet.reset();
        packet.data.clear();
        packet.offset = self.offset();
        self.units.take(length, &mut packet.data);
        packet.pts = i64::try_from(self.index).unwrap_or(i64::MAX);
        packet.duration = Some(1);
        packet.index = self.index;
        packet.set_payload_info(PayloadInfo::of(Codec::H264, &packet.data));
        self.index += 1;
        Ok(true)
    }
}

single_track_reader!(H264Reader, track);

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn streams_are_recognised_by_their_first_unit() {
        assert!(is_stream(&[0, 0, 0, 1, 0x67, 66]));
        assert!(is_stream(&[0, 0, 1, 0x09, 0xf0]));
        // HEVC, MPEG-2 program stream, MPEG-4 part 2.
        assert!(!is_stream(&[0, 0, 0, 1, 0x40, 1]));
        assert!(!is_stream(&[0, 0, 0, 1, 0x46, 1]));
        assert!(!is_stream(&[0, 0, 1, 0xba]));
        assert!(!is_stream(&[0, 0, 1, 0xb0]));
        assert!(!is_stream(&[0, 0, 0]));
        assert!(!is_stream(&[0, 1, 0x67]));
    }

    #[test]
    fn packets_end_before_the_next_picture_or_its_parameter_sets() {
        let sps = [0, 0, 0, 1, 0x67, 66, 0, 30, 0xf8, 0x58, 0x98, 0x80];
        let parts: [&[u8]; 6] = [
            &sps,
            &[0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88, 1],
            // The second slice of the picture.
            &[0, 0, 1, 0x65, 0x48, 2, 0],
            &[0, 0, 1, 0x41, 0x9a, 3],
            &[0, 0, 0, 1, 0x06, 5, 0x80],
            &[0, 0, 1, 0x41, 0x9a, 4],
        ];
        let source = Source::stream(Cursor::new(parts.concat()));
        let mut reader = H264Reader::new(source, &ReadOptions::default()).unwrap();
        let mut packet = CodedPacket::default();
        let mut found = Vec::new();
        while crate::PacketReader::read(&mut reader, &mut packet).unwrap() {
            found.push((packet.offset, packet.data.len(), packet.key, packet.pts));
        }
        assert_eq!(found, [(0, 30, true, 0), (30, 7, false, 1), (37, 13, false, 2)]);
    }
}
