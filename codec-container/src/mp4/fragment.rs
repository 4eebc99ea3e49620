//! Movie fragments: the samples of a `moof` box. ISO/IEC 14496-12, section 8.8.

use std::collections::VecDeque;

use super::boxes::{Boxes, Fields, child};
use super::samples::Sample;

/// Maximum number of samples in one fragment.
const MAX_SAMPLES: usize = 1 << 20;
/// Flags of fields that each sample has.
const PER_SAMPLE: u32 = 0xF00;
const NOT_SYNC: u32 = 0x0001_0000;

/// Defaults for the samples of a fragment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

impl Defaults {
    /// The defaults of track `id` in the payload of an `mvex` box; zeros if the box has no entry for it.
    pub(super) fn parse(mvex: &[u8], id: u32) -> Self {
        let trexes = Boxes(mvex).filter(|(kind, _)| kind == b"trex");
        let mut matching = trexes.filter_map(|(_, payload)| {
            let mut fields = Fields(payload);
            fields.skip(4)?;
            let track = fields.u32()?;
            fields.skip(4)?;
            let defaults =
                Self { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? };
            (track == id).then_some(defaults)
        });
        matching.next().unwrap_or_default()
    }

    /// Ticks per sample, if stated.
    pub(super) fn duration(self) -> Option<u32> {
        (self.duration > 0).then_some(self.duration)
    }
}

/// Appends the samples of track `id` in the payload `moof`, whose box begins at `offset`.
/// `next_time` is the decoding time for fragments that do not state theirs, and is advanced. `None`
/// if a table is truncated or too long; the samples before it have been appended.
pub(super) fn append_samples(
    moof: &[u8],
    offset: u64,
    id: u32,
    defaults: Defaults,
    next_time: &mut u64,
    samples: &mut VecDeque<Sample>,
) -> Option<()> {
    for (kind, traf) in Boxes(moof) {
        if kind == *b"traf" {
            let header = FragmentHeader::parse(child(traf, b"tfhd")?, offset, defaults)?;
            if header.track == id {
                if let Some(payload) = child(traf, b"tfdt") {
                    let mut fields = Fields(payload);
                    let (version, _) = fields.version_and_flags()?;
                    *next_time = fields.wide(version)?;
                }
                let mut at = header.base;
                for (kind, run) in Boxes(traf) {
                    if kind == *b"trun" {
                        at = append_run(run, header, at, next_time, samples)?;
                    }
                }
            }
        }
    }
    Some(())
}

#[derive(Clone, Copy)]
struct FragmentHeader {
    track: u32,
    /// Base of the data offsets of runs.
    base: u64,
    defaults: Defaults,
}

impl FragmentHeader {
    fn parse(payload: &[u8], moof_offset: u64, mut defaults: Defaults) -> Option<Self> {
        let mut fields = Fields(payload);
        let (_, flags) = fields.version_and_flags()?;
        let track = fields.u32()?;
        let base = if flags & 1 != 0 { fields.u64()? } else { moof_offset };
        if flags & 2 != 0 {
            fields.skip(4)?;
        }
        if flags & 8 != 0 {
            defaults.duration = fields.u32()?;
        }
        if flags & 0x10 != 0 {
            defaults.size = fields.u32()?;
        }
        if flags & 0x20 != 0 {
            defaults.flags = fields.u32()?;
        }
        Some(Self { track, base, defaults })
    }
}

/// Appends the samples of a `trun` box; returns the end of their data.
fn append_run(
    run: &[u8],
    header: FragmentHeader,
    at: u64,
    next_time: &mut u64,
    samples: &mut VecDeque<Sample>,
) -> Option<u64> {
    let mut fields = Fields(run);
    let (_, flags) = fields.version_and_flags()?;
    let room = MAX_SAMPLES.saturating_sub(samples.len());
    let count = usize::try_from(fields.u32()?).ok().filter(|&count| count <= room)?;
    if flags & PER_SAMPLE == 0 && header.defaults.size == 0 && count > 0 {
        // A few bytes can otherwise declare any number of empty samples.
        return None;
    }
    let mut at =
        if flags & 1 != 0 { header.base.checked_add_signed(fields.i32()?.into())? } else { at };
    let first_flags = if flags & 4 != 0 { Some(fields.u32()?) } else { None };
    for position in 0..count {
        let mut optional = |flag: u32, default: u32| {
            if flags & flag != 0 { fields.u32() } else { Some(default) }
        };
        let duration = optional(0x100, header.defaults.duration)?;
        let size = optional(0x200, header.defaults.size)?;
        let own_flags = optional(0x400, header.defaults.flags)?;
        let composition = i64::from(optional(0x800, 0)?.cast_signed());
        let own_flags = first_flags.filter(|_| position == 0).unwrap_or(own_flags);
        samples.push_back(Sample {
            offset: at,
            size,
            decode_time: *next_time,
            duration,
            composition,
            sync: own_flags & NOT_SYNC == 0,
        });
        at = at.checked_add(size.into())?;
        *next_time = next_time.checked_add(duration.into())?;
    }
    Some(at)
}
