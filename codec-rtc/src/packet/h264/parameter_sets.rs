//! Parameter sets that a receiver knows. ITU-T H.264, clauses 7.3.2.1 and 7.3.2.2; RFC 6184, section
//! 8.4.

use super::Units;
use super::unit::{Codes, PPS, SPS, SliceHead, unit_type};

/// Maximum size of the parameter sets received by signalling, in bytes.
pub const MAX_SET_BYTES: usize = 16 << 10;

/// Identifies a parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetId {
    /// An SPS, 0..=31.
    Sequence(u8),
    /// A PPS, and its SPS, 0..=31.
    Picture { id: u8, sequence: u8 },
}

impl SetId {
    /// Reads the id of a NAL unit, which may be truncated. `None` for other units and ids out of
    /// range.
    pub(crate) fn read(unit: &[u8]) -> Option<Self> {
        let (&header, payload) = unit.split_first()?;
        let sequence = |codes: &mut Codes| {
            codes.unsigned().and_then(|id| u8::try_from(id).ok()).filter(|&id| id < 32)
        };
        match unit_type(header) {
            // The id follows profile, constraints and level.
            SPS => sequence(&mut Codes::new(payload.get(3..)?)).map(Self::Sequence),
            PPS => {
                let mut codes = Codes::new(payload);
                let id = u8::try_from(codes.unsigned()?).ok()?;
                Some(Self::Picture { id, sequence: sequence(&mut codes)? })
            }
            _ => None,
        }
    }
}

/// Ids of the parameter sets received so far, in the stream or by signalling.
#[derive(Clone, Debug)]
pub struct ParameterSets {
    /// A bit for each SPS.
    sequence: u32,
    /// The SPS of each PPS.
    picture: [Option<u8>; 256],
    /// Parameter sets from signalling, in the byte stream format.
    signalled: Vec<u8>,
}

impl Default for ParameterSets {
    fn default() -> Self {
        Self { sequence: 0, picture: [None; 256], signalled: Vec::new() }
    }
}

impl ParameterSets {
    /// Parameter sets from signalling (`sprop-parameter-sets`), in the byte stream format. More than
    /// [`MAX_SET_BYTES`] are ignored.
    #[must_use]
    pub fn signalled(stream: &[u8]) -> Self {
        let mut sets = Self::default();
        if stream.len() <= MAX_SET_BYTES {
            stream.clone_into(&mut sets.signalled);
            sets.record(stream);
        }
        sets
    }

    /// Whether there are parameter sets from signalling.
    #[must_use]
    pub fn are_signalled(&self) -> bool {
        !self.signalled.is_empty()
    }

    /// Records the parameter sets of an access unit in the byte stream format.
    pub fn record(&mut self, access_unit: &[u8]) {
        // Parameter sets precede the slices.
        let sets = Units::new(access_unit).take_while(|unit| SliceHead::read(unit).is_none());
        for set in sets.filter_map(SetId::read) {
            match set {
                SetId::Sequence(id) => self.sequence |= 1 << id,
                SetId::Picture { id, sequence } => self.picture[usize::from(id)] = Some(sequence),
            }
        }
    }

    /// Whether the parameter sets of a slice are known, or among `received`, which precede it.
    pub(crate) fn has<'a>(
        &self,
        slice: &SliceHead,
        received: impl Iterator<Item = &'a SetId>,
    ) -> bool {
        let Ok(pps) = u8::try_from(slice.pps) else { return false };
        let (mut sequences, mut newest) = (self.sequence, self.picture[usize::from(pps)]);
        for set in received {
            match *set {
                SetId::Sequence(id) => sequences |= 1 << id,
                SetId::Picture { id, sequence } if id == pps => newest = Some(sequence),
                SetId::Picture { .. } => {}
            }
        }
        newest.is_some_and(|sps| sequences >> sps & 1 == 1)
    }

    /// Parameter sets to insert before an IDR picture without an SPS, since a decoder may start
    /// there.
    pub(crate) fn missing_in(&self, access_unit: &[u8]) -> &[u8] {
        if self.signalled.is_empty() {
            return &[];
        }
        let mut units = Units::new(access_unit).map_while(|unit| {
            SliceHead::read(unit).is_none().then_some(unit.first().copied().map(unit_type))
        });
        if units.any(|kind| kind == Some(SPS)) { &[] } else { &self.signalled }
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit::first_slice;
    use super::*;

    fn has(sets: &ParameterSets, slice: &SliceHead) -> bool {
        sets.has(slice, [].iter())
    }

    const SETS: [u8; 17] =
        [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];
    const IDR: [u8; 7] = [0, 0, 0, 1, 0x65, 0x88, 0x84];

    #[test]
    fn slices_need_their_pps_and_its_sps() {
        let slice = first_slice(&IDR).unwrap();
        let mut sets = ParameterSets::default();
        sets.record(&SETS[9..]);
        assert!(!has(&sets, &slice), "the SPS is missing");
        sets.record(&SETS[..9]);
        assert!(has(&sets, &slice));
        let received = [SetId::Sequence(3), SetId::Picture { id: 0, sequence: 3 }];
        assert!(ParameterSets::default().has(&slice, received.iter()));
        assert!(!sets.has(&slice, received[1..].iter()), "the new PPS needs SPS 3");
        // A slice with PPS 1: 1, 1, 010.
        assert!(!has(&sets, &first_slice(&[0, 0, 1, 0x65, 0b1101_0000]).unwrap()));
    }

    #[test]
    fn signalled_sets_are_inserted_where_the_stream_has_none() {
        let sets = ParameterSets::signalled(&SETS);
        assert!(has(&sets, &first_slice(&IDR).unwrap()));
        assert_eq!(sets.missing_in(&IDR), SETS);
        assert!(sets.missing_in(&[&SETS[..], &IDR].concat()).is_empty());
        assert!(ParameterSets::default().missing_in(&IDR).is_empty());
        assert!(!has(
            &ParameterSets::signalled(&vec![0; MAX_SET_BYTES + 1]),
            &first_slice(&IDR).unwrap()
        ));
    }

    #[test]
    fn ids_out_of_range_are_ignored() {
        let mut sets = ParameterSets::default();
        // SPS 32 and PPS 0 of SPS 32: 00000100001.
        sets.record(&[0, 0, 1, 0x67, 66, 0, 30, 0b0000_0100, 0b0010_0000]);
        sets.record(&[0, 0, 1, 0x68, 0b1000_0010, 0b0001_0000]);
        sets.record(&[0, 0, 1, 0x68, 0, 0, 1, 0x67]);
        assert!(!has(&sets, &first_slice(&IDR).unwrap()));
    }
}
