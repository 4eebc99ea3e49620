//! Payload structures: single NAL units, STAP-A and FU-A. RFC 6184, sections 5.2 and 5.6 to 5.8.

use super::parameter_sets::ParameterSets;
use super::unit::{starts_access_unit, starts_without_sets};
use crate::rtp::Malformed;

/// Bytes of a slice that contain the fields of [`super::SliceHead`].
const HEAD_BYTES: usize = 20;
/// Precedes each NAL unit in the byte stream format.
pub(crate) const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Types of the payload structures.
pub(super) const STAP_A: u8 = 24;
pub(super) const FU_A: u8 = 28;
/// Bits of the FU header.
pub(super) const START: u8 = 0x80;
pub(super) const END: u8 = 0x40;

const FORBIDDEN: u8 = 0x80;
const REFERENCE: u8 = 0x60;
const TYPE: u8 = 0x1f;

/// A parsed payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// One NAL unit (section 5.6).
    Single(&'a [u8]),
    /// Several NAL units, STAP-A (section 5.7.1).
    Aggregate(Aggregate<'a>),
    /// Part of a NAL unit, FU-A (section 5.8).
    Fragment(Fragment<'a>),
}

/// The NAL units of an STAP-A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregate<'a> {
    /// Each unit with its size before it, validated.
    sized: &'a [u8],
}

impl<'a> Aggregate<'a> {
    /// Iterates over the NAL units.
    pub fn units(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.sized;
        std::iter::from_fn(move || {
            let (unit, behind) = split_sized(rest)?;
            rest = behind;
            Some(unit)
        })
    }
}

/// Splits a unit with its size before it off `data`.
fn split_sized(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = data.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))
}

/// Part of a NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// First byte of the NAL unit.
    pub header: u8,
    /// Whether this is the first part.
    pub is_first: bool,
    /// Whether this is the last part.
    pub is_last: bool,
    /// The part, without the first byte of the NAL unit.
    pub data: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Parses a payload.
    ///
    /// ```
    /// use codec_rtc::packet::h264::{Fragment, Payload};
    ///
    /// let part = Fragment { header: 0x65, is_first: true, is_last: false, data: &[7, 8] };
    /// assert_eq!(Payload::parse(&[0x7c, 0x85, 7, 8]), Ok(Payload::Fragment(part)));
    /// ```
    ///
    /// # Errors
    /// Returns [`Malformed`] if the payload violates the format, or has a structure that packetization
    /// modes 0 and 1 exclude.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let Some((&header, rest)) = payload.split_first() else {
            return Err(Malformed::EmptyPayload);
        };
        if header & FORBIDDEN != 0 {
            return Err(Malformed::Field { what: "forbidden_zero_bit is set" });
        }
        let what = match header & TYPE {
            1..=23 => return Ok(Self::Single(payload)),
            STAP_A => return parse_aggregate(rest).map(Self::Aggregate),
            FU_A => return parse_fragment(header, rest).map(Self::Fragment),
            25 => "STAP-B is not supported: packetization mode 2",
            26 => "MTAP16 is not supported: packetization mode 2",
            27 => "MTAP24 is not supported: packetization mode 2",
            29 => "FU-B is not supported: packetization mode 2",
            _ => "the NAL unit type is reserved (0, 30 or 31)",
        };
        Err(Malformed::Field { what })
    }

    /// Whether the payload shows that it starts an access unit, although the packet before it is
    /// unknown. `sets`: parameter sets from signalling, since the stream may then lack them.
    pub(crate) fn shows_start(self, sets: &ParameterSets) -> bool {
        let shows = |unit: &[u8]| {
            starts_access_unit(unit) || sets.are_signalled() && starts_without_sets(unit)
        };
        let mut first = None;
        self.for_each_head(|unit| _ = first.get_or_insert_with(|| shows(unit)));
        first.unwrap_or(false)
    }

    /// Calls `examine` with the NAL units that start in the payload; one in parts is truncated.
    pub(crate) fn for_each_head(self, mut examine: impl FnMut(&[u8])) {
        match self {
            Self::Single(unit) => examine(unit),
            Self::Aggregate(aggregate) => aggregate.units().for_each(examine),
            Self::Fragment(part) if part.is_first => {
                let mut head = vec![part.header];
                head.extend(part.data.iter().take(HEAD_BYTES));
                examine(&head);
            }
            Self::Fragment(_) => {}
        }
    }

    /// Appends the payload in the byte stream format. Parts of a NAL unit result in the unit if they
    /// are appended in order.
    pub fn append_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Single(unit) => append_unit(unit, out),
            Self::Aggregate(aggregate) => aggregate.units().for_each(|it| append_unit(it, out)),
            Self::Fragment(part) => {
                if part.is_first {
                    append_unit(&[part.header], out);
                }
                out.extend_from_slice(part.data);
            }
        }
    }
}

fn append_unit(unit: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(unit);
}

fn parse_aggregate(sized: &[u8]) -> Result<Aggregate<'_>, Malformed> {
    let mut rest = sized;
    loop {
        let Some((unit, behind)) = split_sized(rest) else {
            let needed = rest.first_chunk::<2>().map_or(0, |size| u16::from_be_bytes(*size).into());
            return Err(Malformed::Truncated {
                what: "NAL unit in STAP-A",
                needed_bytes: 2 + needed,
                had_bytes: rest.len(),
            });
        };
        match unit.first() {
            None => return Err(Malformed::Field { what: "a NAL unit in STAP-A is empty" }),
            Some(header) if header & FORBIDDEN != 0 => {
                return Err(Malformed::Field { what: "forbidden_zero_bit is set in STAP-A" });
            }
            Some(header) if !(1..=23).contains(&(header & TYPE)) => {
                return Err(Malformed::Field { what: "STAP-A contains no NAL unit of H.264" });
            }
            Some(_) => {}
        }
        rest = behind;
        if rest.is_empty() {
            return Ok(Aggregate { sized });
        }
    }
}

fn parse_fragment(indicator: u8, rest: &[u8]) -> Result<Fragment<'_>, Malformed> {
    let Some((&flags, data)) = rest.split_first() else {
        return Err(Malformed::Truncated { what: "FU-A", needed_bytes: 2, had_bytes: 1 });
    };
    let (is_first, is_last) = (flags & START != 0, flags & END != 0);
    if is_first && is_last {
        return Err(Malformed::Field {
            what: "an FU-A is the first and the last part of its unit",
        });
    }
    if !(1..=23).contains(&(flags & TYPE)) {
        return Err(Malformed::Field { what: "FU-A contains no NAL unit of H.264" });
    }
    Ok(Fragment { header: indicator & REFERENCE | flags & TYPE, is_first, is_last, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Payload::parse(payload).unwrap().append_to(&mut out);
        out
    }

    #[test]
    fn structures_become_a_byte_stream() {
        assert_eq!(stream(&[0x65, 1, 2]), [0, 0, 0, 1, 0x65, 1, 2]);
        let aggregate = [0x78, 0, 2, 0x67, 66, 0, 1, 0x68];
        assert_eq!(stream(&aggregate), [0, 0, 0, 1, 0x67, 66, 0, 0, 0, 1, 0x68]);
        // The NRI of the indicator and the type of the FU header form the header of the unit.
        let parts: [&[u8]; 3] = [&[0x5c, 0x81, 1], &[0x5c, 0x01], &[0x5c, 0x41, 2, 3]];
        let joined: Vec<u8> = parts.into_iter().flat_map(stream).collect();
        assert_eq!(joined, [0, 0, 0, 1, 0x41, 1, 2, 3]);
    }

    #[test]
    fn excluded_and_reserved_structures_are_rejected_by_name() {
        let named = [
            (0, "reserved"),
            (25, "STAP-B"),
            (26, "MTAP16"),
            (27, "MTAP24"),
            (29, "FU-B"),
            (30, "reserved"),
            (31, "reserved"),
        ];
        for (kind, name) in named {
            let error = Payload::parse(&[0x60 | kind, 0x85, 1, 2, 3]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn malformed_payloads_are_rejected() {
        let wrong: [&[u8]; 14] = [
            &[],
            &[0xe5, 1],
            &[0x78],
            &[0x78, 0],
            &[0x78, 0, 0],
            &[0x78, 0, 2, 0x67],
            &[0x78, 0, 1, 0x67, 9],
            &[0x78, 0, 1, 0xe7],
            &[0x78, 0, 1, 0x78],
            &[0x78, 0, 1, 0x60],
            &[0x7c],
            &[0x7c, 0xc5, 1],
            &[0x7c, 0x80, 1],
            &[0x7c, 0x9c, 1],
        ];
        for payload in wrong {
            assert!(Payload::parse(payload).is_err(), "{payload:?}");
        }
    }
}
