//! Converts H.264 between NAL units with start codes (ITU-T H.264, Annex B), which encoders and
//! decoders use, and NAL units with length prefixes and separate parameter sets (ISO/IEC 14496-15,
//! section 5), which MP4 and Matroska store.

use codec_core::annex_b::Units;
use codec_core::codec::Codec;

use super::sps::unescape;
use crate::Format;
use crate::bits::Bits;
use crate::error::{Error, Result};
use crate::packet::{PacketRef, PacketWriter};
use crate::start_codes::{START_CODE, is_annex_b};
use crate::track::{Track, VideoTrack};

/// Replaces the start codes of `data` by four-byte lengths.
fn put_lengths(data: &[u8], out: &mut Vec<u8>) {
    for unit in Units::new(data) {
        let length = u32::try_from(unit.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(unit);
    }
}

/// Converts packets of MP4 and Matroska to the form that decoders take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnexB {
    length_bytes: usize,
    /// Parameter sets with start codes, inserted before the first packet and every packet with an
    /// IDR slice.
    parameter_sets: Vec<u8>,
    is_first: bool,
}

impl AnnexB {
    /// Creates a converter for a stream with this `AVCDecoderConfigurationRecord` (section
    /// 5.3.3.1); `None` if `codec_private` is no such record, for example because packets already
    /// have start codes.
    #[must_use]
    pub fn new(codec_private: &[u8]) -> Option<Self> {
        let (&[1, _, _, _, lengths, sps_count], mut rest) = codec_private.split_first_chunk()?
        else {
            return None;
        };
        let mut parameter_sets = Vec::new();
        let mut take = |count: u8, rest: &mut &[u8]| {
            for _ in 0..count {
                let (&length, after) = rest.split_first_chunk::<2>()?;
                let (set, after) = after.split_at_checked(u16::from_be_bytes(length).into())?;
                parameter_sets.extend_from_slice(&START_CODE);
                parameter_sets.extend_from_slice(set);
                *rest = after;
            }
            Some(())
        };
        take(sps_count & 31, &mut rest)?;
        let (&pps_count, after) = rest.split_first()?;
        rest = after;
        take(pps_count, &mut rest)?;
        Some(Self { length_bytes: usize::from(lengths & 3) + 1, parameter_sets, is_first: true })
    }

    /// Converts a packet to start codes. A NAL unit whose length is past the end is truncated. A
    /// packet that begins with a start code of four bytes is copied: it would otherwise begin with a
    /// NAL unit of one byte.
    pub fn convert(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        out.clear();
        if packet.starts_with(&START_CODE) {
            out.extend_from_slice(packet);
            return;
        }
        let mut has_sets = false;
        if std::mem::take(&mut self.is_first) {
            // Streams can also begin at a recovery point.
            out.extend_from_slice(&self.parameter_sets);
            has_sets = true;
        }
        for unit in self.units(packet) {
            if unit.first().is_some_and(|header| header & 31 == 5) && !has_sets {
                out.extend_from_slice(&self.parameter_sets);
                has_sets = true;
            }
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(unit);
        }
    }

    /// The parameter sets, with start codes.
    pub(super) fn parameter_sets(&self) -> &[u8] {
        &self.parameter_sets
    }

    /// Divides a packet with lengths into its NAL units. A unit whose length is past the end is
    /// truncated.
    pub(super) fn units<'a>(&self, packet: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let length_bytes = self.length_bytes;
        let mut rest = packet;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_at_checked(length_bytes)?;
            let length = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
            let (unit, after) = after.split_at(length.min(after.len()));
            rest = after;
            Some(unit)
        })
    }
}

/// Gives the packets of a track start codes, for files that store no configuration.
#[derive(Clone, Debug)]
pub(crate) struct StartCodes {
    /// Converter for tracks from MP4 and Matroska files, whose packets have no start codes.
    annex_b: Option<AnnexB>,
    converted: Vec<u8>,
}

impl StartCodes {
    /// Prepares for the packets of `track`. Packets of other codecs than H.264 are not changed.
    pub(crate) fn new(track: &VideoTrack) -> Self {
        let is_avc = track.codec == Codec::H264;
        let annex_b = AnnexB::new(&track.codec_private).filter(|_| is_avc);
        Self { annex_b, converted: Vec::new() }
    }

    /// The packet in the form in which it is stored.
    pub(crate) fn packet<'a>(&'a mut self, data: &'a [u8]) -> &'a [u8] {
        match &mut self.annex_b {
            Some(annex_b) if !is_annex_b(data) => {
                annex_b.convert(data, &mut self.converted);
                &self.converted
            }
            _ => data,
        }
    }
}

/// Returns whether a NAL unit is a B slice; `None` if it is not a slice or is truncated.
fn is_b_slice(unit: &[u8]) -> Option<bool> {
    let (header, payload) = unit.split_first()?;
    if header & 31 != 1 {
        return None;
    }
    // The codes of the first macroblock and of the slice type are within the first bytes.
    let head = unescape(payload.get(..16).unwrap_or(payload));
    let mut bits = Bits::new(&head);
    bits.ue()?;
    bits.ue().map(|slice_type| slice_type % 5 == 1)
}

/// Rejects B frames from byte streams, which do not state when frames are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteStreamTimes {
    /// Whether the times are only the numbers of the packets.
    are_missing: bool,
}

impl ByteStreamTimes {
    pub(crate) fn new(track: &VideoTrack) -> Self {
        Self { are_missing: track.codec == Codec::H264 && track.format == Format::H264 }
    }

    /// Checks a packet with start codes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it has a B frame without a time.
    pub(crate) fn check(self, data: &[u8]) -> Result<()> {
        if self.are_missing && Units::new(data).any(|unit| is_b_slice(unit) == Some(true)) {
            let what = "conversion of B frames without timestamps";
            return Err(Error::unsupported(Format::H264, what));
        }
        Ok(())
    }
}

/// Passes packets to a writer of MP4 or Matroska, with H.264 converted to length prefixes.
pub(crate) struct AvcWriter {
    inner: Box<dyn PacketWriter>,
    /// For each track: the times of H.264.
    tracks: Vec<Option<ByteStreamTimes>>,
    converted: Vec<u8>,
}

impl AvcWriter {
    /// Wraps `inner` for `tracks`; returns it unchanged without an H.264 track.
    pub(crate) fn wrap(inner: Box<dyn PacketWriter>, tracks: &[Track]) -> Box<dyn PacketWriter> {
        let describe = |track: &Track| {
            track.video().filter(|video| video.codec == Codec::H264).map(ByteStreamTimes::new)
        };
        let tracks: Vec<_> = tracks.iter().map(describe).collect();
        if tracks.iter().all(Option::is_none) {
            return inner;
        }
        Box::new(Self { inner, tracks, converted: Vec::new() })
    }
}

impl PacketWriter for AvcWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let Some(times) = self.tracks.get(packet.track).copied().flatten() else {
            return self.inner.write(packet);
        };
        times.check(packet.data)?;
        if !is_annex_b(packet.data) {
            return self.inner.write(packet);
        }
        self.converted.clear();
        put_lengths(packet.data, &mut self.converted);
        self.inner.write(PacketRef { data: &self.converted, ..packet })
    }

    fn finish(&mut self) -> Result<()> {
        self.inner.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_survives_a_round_trip_through_a_file() {
        let packet = [0, 0, 0, 1, 0x65, 1, 2, 3, 0, 0, 1, 0x41, 9];
        let mut stored = Vec::new();
        put_lengths(&packet, &mut stored);
        assert_eq!(stored, [0, 0, 0, 4, 0x65, 1, 2, 3, 0, 0, 0, 2, 0x41, 9]);
        let record = [1, 66, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 7, 1, 0, 2, 0x68, 8];
        let mut back = Vec::new();
        AnnexB::new(&record).unwrap().convert(&stored, &mut back);
        let sets = [0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x68, 8];
        let units = [0, 0, 0, 1, 0x65, 1, 2, 3, 0, 0, 0, 1, 0x41, 9];
        assert_eq!(back, [&sets[..], &units[..]].concat());
    }

    #[test]
    fn a_truncated_record_is_rejected_and_a_truncated_packet_accepted() {
        let record = [1, 66, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 7, 1, 0, 2, 0x68, 8];
        for length in 0..record.len() {
            assert_eq!(AnnexB::new(&record[..length]), None);
        }
        let mut out = Vec::new();
        let mut annex_b = AnnexB::new(&record).unwrap();
        annex_b.convert(&[], &mut out);
        assert_eq!(out, [0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x68, 8], "before the first packet");
        annex_b.convert(&[0, 0, 0, 9, 0x41, 1], &mut out);
        assert_eq!(out, [0, 0, 0, 1, 0x41, 1]);
        annex_b.convert(&[0, 0, 0, 1, 0x41, 1], &mut out);
        assert_eq!(out, [0, 0, 0, 1, 0x41, 1]);
    }
}
