//! Access units for transport streams: with start codes, an access unit delimiter in front, and
//! parameter sets before each IDR picture. ITU-T H.222.0, section 2.14.

use codec_core::annex_b::Units;

use super::avc::AnnexB;
use crate::VideoTrack;
use crate::start_codes::{START_CODE, is_annex_b};

const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const SPS_EXTENSION: u8 = 13;
const SUBSET_SPS: u8 = 15;
/// A delimiter before slices of any type.
const ANY_SLICES: [u8; 2] = [DELIMITER, 0xF0];

/// Converts the packets of a track.
#[derive(Clone, Debug)]
pub(crate) struct DelimitedUnits {
    /// The converter of a track whose packets have lengths.
    lengths: Option<AnnexB>,
    /// The last parameter sets, with start codes.
    sets: Vec<u8>,
    is_first: bool,
    converted: Vec<u8>,
}

impl DelimitedUnits {
    pub(crate) fn new(track: &VideoTrack) -> Self {
        let lengths = AnnexB::new(&track.codec_private);
        let sets = lengths.as_ref().map(|lengths| lengths.parameter_sets().to_vec());
        Self { lengths, sets: sets.unwrap_or_default(), is_first: true, converted: Vec::new() }
    }

    /// Converts a packet: a frame, or both of its fields. The parameter sets are also put before the
    /// first packet, because streams can begin at a recovery point.
    pub(crate) fn convert<'a>(&'a mut self, data: &'a [u8]) -> &'a [u8] {
        let units: Vec<&[u8]> = match &self.lengths {
            Some(lengths) if !is_annex_b(data) => lengths.units(data).collect(),
            _ => Units::new(data).collect(),
        };
        let kinds = || units.iter().filter_map(|unit| kind_of(unit));
        let has_sets = kinds().any(|kind| kind == SPS);
        if has_sets {
            self.keep_sets(&units);
        }
        let is_first = std::mem::take(&mut self.is_first);
        let lacks_sets = !has_sets && (is_first || kinds().any(|kind| kind == IDR_SLICE));
        let is_delimited = kinds().next() == Some(DELIMITER);
        let fields = Field::starts(&units);
        if is_delimited && !lacks_sets && fields.is_none() && is_annex_b(data) {
            return data;
        }
        self.converted.clear();
        put(&mut self.converted, &ANY_SLICES);
        if lacks_sets {
            self.converted.extend_from_slice(&self.sets);
        }
        for (at, unit) in units.iter().enumerate() {
            if fields.is_some_and(|Field(start)| start == at) {
                put(&mut self.converted, &ANY_SLICES);
            }
            let is_written = at == 0 && kind_of(unit) == Some(DELIMITER);
            if !is_written && !unit.is_empty() {
                put(&mut self.converted, unit);
            }
        }
        &self.converted
    }

    /// Remembers the parameter sets of a packet, which replace the earlier ones.
    fn keep_sets(&mut self, units: &[&[u8]]) {
        self.sets.clear();
        for unit in units {
            if matches!(kind_of(unit), Some(SPS | PPS | SPS_EXTENSION | SUBSET_SPS)) {
                put(&mut self.sets, unit);
            }
        }
    }
}

/// The position of the unit with which the second field of a frame begins, if it lacks a delimiter.
#[derive(Clone, Copy, Debug)]
struct Field(usize);

impl Field {
    fn starts(units: &[&[u8]]) -> Option<Self> {
        let is_start = |unit: &&[u8]| {
            let is_slice = matches!(kind_of(unit), Some(SLICE | IDR_SLICE));
            // `first_mb_in_slice` is 0.
            is_slice && unit.get(1).is_some_and(|first| first & 0x80 != 0)
        };
        let starts = units.iter().enumerate().filter(|(_, unit)| is_start(unit));
        let (second, _) = starts.take(2).nth(1)?;
        // Parameter sets and supplemental information before the slice belong to the field.
        let before = units[..second].iter().rposition(|unit| {
            matches!(kind_of(unit), Some(SLICE | IDR_SLICE | 2..=4 | DELIMITER))
        })?;
        let is_delimited = kind_of(units[before]) == Some(DELIMITER);
        (!is_delimited).then_some(Self(before + 1))
    }
}

fn kind_of(unit: &[u8]) -> Option<u8> {
    unit.first().map(|header| header & 31)
}

fn put(out: &mut Vec<u8>, unit: &[u8]) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(unit);
}

#[cfg(test)]
mod tests {
    use codec_core::codec::Codec;
    use codec_core::frame::{Rational, Size};

    use super::*;
    use crate::Format;

    const RECORD: [u8; 15] = [1, 66, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 7, 1, 0, 2, 0x68, 8];

    fn units(codec_private: &[u8]) -> DelimitedUnits {
        let (size, base) = (Size::new(16, 16), Rational::new(1, 25));
        let mut track = VideoTrack::new(Format::MpegTs, Codec::H264, size, base);
        track.codec_private = codec_private.to_vec();
        DelimitedUnits::new(&track)
    }

    fn stream(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&START_CODE, *unit].concat()).collect()
    }

    #[test]
    fn units_with_lengths_get_start_codes_delimiters_and_sets() {
        let mut all = units(&RECORD);
        let idr = [0, 0, 0, 2, 0x06, 5, 0, 0, 0, 3, 0x65, 0x88, 1];
        let expected = [&[9, 0xF0][..], &[0x67, 7], &[0x68, 8], &[6, 5], &[0x65, 0x88, 1]];
        assert_eq!(all.convert(&idr), stream(&expected));
        assert_eq!(all.convert(&[0, 0, 0, 2, 0x41, 0x9A]), stream(&[&[9, 0xF0], &[0x41, 0x9A]]));
        assert_eq!(all.convert(&idr), stream(&expected), "at each IDR picture");
        // A unit that is truncated, and an empty one.
        assert_eq!(all.convert(&[0, 0, 0, 0, 0, 0, 0, 9, 0x41]), stream(&[&[9, 0xF0], &[0x41]]));
    }

    #[test]
    fn sets_in_the_stream_replace_earlier_ones() {
        let mut all = units(&RECORD);
        let own = stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 0x88]]);
        assert_eq!(all.convert(&own), [&stream(&[&[9, 0xF0]])[..], &own].concat());
        let idr = stream(&[&[0x65, 0x88]]);
        let sets = [&[9, 0xF0][..], &[0x67, 1], &[0x68, 2], &[0x65, 0x88]];
        assert_eq!(all.convert(&idr), stream(&sets));
        // As it is.
        let mut done = stream(&sets);
        done.splice(..4, [0, 0, 1]);
        assert_eq!(all.convert(&done), done);
    }

    #[test]
    fn each_field_has_a_delimiter() {
        let mut all = units(&[]);
        let fields = stream(&[&[0x65, 0x88], &[0x65, 0x20], &[6, 1], &[0x41, 0x9A]]);
        let expected =
            [&[9, 0xF0][..], &[0x65, 0x88], &[0x65, 0x20], &[9, 0xF0], &[6, 1], &[0x41, 0x9A]];
        assert_eq!(all.convert(&fields), stream(&expected));
        assert_eq!(all.convert(&stream(&expected)), stream(&expected));
    }
}
