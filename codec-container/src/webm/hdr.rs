//! Mastering display and light levels in the `Colour` element (RFC 9559, section 5.1.4).

use codec_core::frame::{Chromaticity, ContentLight, HdrMetadata, MasteringDisplay};

use super::ebml::{child, child_float, child_uint, put_float, put_master, put_uint};
use super::ids;

/// Units per 1 of a chromaticity.
const CHROMATICITY_UNITS: f64 = 50_000.0;
/// Units per cd/m² of a luminance.
const LUMINANCE_UNITS: f64 = 10_000.0;

pub(super) fn parse(colour: &[u8]) -> HdrMetadata {
    let mastering = child(colour, ids::MASTERING_METADATA).and_then(parse_mastering);
    let levels = child_uint(colour, ids::MAX_CLL).zip(child_uint(colour, ids::MAX_FALL));
    let light = levels.map(|(max, max_average)| {
        let level = |value| u16::try_from(value).unwrap_or(u16::MAX);
        ContentLight { max: level(max), max_average: level(max_average) }
    });
    HdrMetadata { mastering, light }
}

pub(super) fn put(out: &mut Vec<u8>, hdr: HdrMetadata) {
    if let Some(light) = hdr.light {
        put_uint(out, ids::MAX_CLL, light.max.into());
        put_uint(out, ids::MAX_FALL, light.max_average.into());
    }
    let Some(mastering) = hdr.mastering else { return };
    put_master(out, ids::MASTERING_METADATA, |out| {
        let points = mastering.primaries.into_iter().chain([mastering.white]);
        let values = points.flat_map(|point| [point.x, point.y]);
        for (id, value) in ids::CHROMATICITIES.into_iter().zip(values) {
            put_float(out, id, f64::from(value) / CHROMATICITY_UNITS);
        }
        let luminance = |value| f64::from(value) / LUMINANCE_UNITS;
        put_float(out, ids::LUMINANCE_MAX, luminance(mastering.max_luminance));
        put_float(out, ids::LUMINANCE_MIN, luminance(mastering.min_luminance));
    });
}

/// A mastering display that is stated completely and within its ranges.
fn parse_mastering(element: &[u8]) -> Option<MasteringDisplay> {
    let value = |id, units: f64, limit: f64| {
        let value = (child_float(element, id)? * units).round();
        (0.0..=limit).contains(&value).then(|| whole(value))
    };
    let mut coordinates = [0_u16; 8];
    for (to, id) in coordinates.iter_mut().zip(ids::CHROMATICITIES) {
        *to = value(id, CHROMATICITY_UNITS, CHROMATICITY_UNITS)?.try_into().ok()?;
    }
    let point = |at: usize| Chromaticity { x: coordinates[at], y: coordinates[at + 1] };
    let luminance = |id| value(id, LUMINANCE_UNITS, u32::MAX.into());
    Some(MasteringDisplay {
        primaries: [point(0), point(2), point(4)],
        white: point(6),
        max_luminance: luminance(ids::LUMINANCE_MAX)?,
        min_luminance: luminance(ids::LUMINANCE_MIN)?,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(value: f64) -> u32 {
    value as u32
}
