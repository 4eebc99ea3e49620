//! Mastering display and light levels: `mdcv` and `clli` (ISO/IEC 14496-12), and `SmDm` and `CoLL` of
//! VP8 and VP9 (VP Codec ISO Media File Format Binding, version 1).

use codec_core::frame::{Chromaticity, ContentLight, HdrMetadata, MasteringDisplay};

use super::boxes::{BoxType, Fields, put, put_full};

/// Fractional bits of `SmDm`: chromaticities, maximum and minimum luminance.
const POINT_BITS: u32 = 16;
const MAX_BITS: u32 = 8;
const MIN_BITS: u32 = 14;
/// Units per 1 of a chromaticity.
const CHROMATICITY_UNITS: u64 = 50_000;
/// Units per cd/m² of a luminance.
const LUMINANCE_UNITS: u64 = 10_000;

/// Takes what the box `kind` states, if it is one of these.
pub(super) fn parse(kind: BoxType, payload: &[u8], hdr: &mut HdrMetadata) -> Option<()> {
    let mut fields = Fields(payload);
    match &kind {
        b"mdcv" => hdr.mastering = Some(parse_mdcv(fields)?),
        b"SmDm" => {
            fields.version_and_flags()?;
            hdr.mastering = Some(parse_smdm(fields)?);
        }
        b"clli" => hdr.light = Some(parse_light(fields)?),
        b"CoLL" => {
            fields.version_and_flags()?;
            hdr.light = Some(parse_light(fields)?);
        }
        _ => {}
    }
    Some(())
}

/// Appends the boxes; `is_vp` selects the boxes of VP8 and VP9.
pub(super) fn put_boxes(out: &mut Vec<u8>, hdr: HdrMetadata, is_vp: bool) {
    match hdr.mastering {
        Some(mastering) if is_vp => put_full(out, b"SmDm", 0, 0, |out| put_smdm(out, &mastering)),
        Some(mastering) => put(out, b"mdcv", |out| put_mdcv(out, &mastering)),
        None => {}
    }
    match hdr.light {
        Some(light) if is_vp => put_full(out, b"CoLL", 0, 0, |out| put_light(out, light)),
        Some(light) => put(out, b"clli", |out| put_light(out, light)),
        None => {}
    }
}

fn parse_mdcv(mut fields: Fields<'_>) -> Option<MasteringDisplay> {
    let mut value = || fields.u16().filter(|&value| u64::from(value) <= CHROMATICITY_UNITS);
    let mut point = || Some(Chromaticity { x: value()?, y: value()? });
    let (green, blue, red, white) = (point()?, point()?, point()?, point()?);
    Some(MasteringDisplay {
        primaries: [red, green, blue],
        white,
        max_luminance: fields.u32()?,
        min_luminance: fields.u32()?,
    })
}

fn put_mdcv(out: &mut Vec<u8>, mastering: &MasteringDisplay) {
    let [red, green, blue] = mastering.primaries;
    for point in [green, blue, red, mastering.white] {
        out.extend_from_slice(&point.x.to_be_bytes());
        out.extend_from_slice(&point.y.to_be_bytes());
    }
    out.extend_from_slice(&mastering.max_luminance.to_be_bytes());
    out.extend_from_slice(&mastering.min_luminance.to_be_bytes());
}

fn parse_smdm(mut fields: Fields<'_>) -> Option<MasteringDisplay> {
    let mut value = || {
        let value = from_fixed(fields.u16()?.into(), POINT_BITS, CHROMATICITY_UNITS);
        u16::try_from(value).ok()
    };
    let mut point = || Some(Chromaticity { x: value()?, y: value()? });
    Some(MasteringDisplay {
        primaries: [point()?, point()?, point()?],
        white: point()?,
        max_luminance: from_fixed(fields.u32()?, MAX_BITS, LUMINANCE_UNITS),
        min_luminance: from_fixed(fields.u32()?, MIN_BITS, LUMINANCE_UNITS),
    })
}

fn put_smdm(out: &mut Vec<u8>, mastering: &MasteringDisplay) {
    for point in mastering.primaries.into_iter().chain([mastering.white]) {
        for value in [point.x, point.y] {
            let fixed = to_fixed(value.into(), POINT_BITS, CHROMATICITY_UNITS);
            out.extend_from_slice(&u16::try_from(fixed).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    let max = to_fixed(mastering.max_luminance, MAX_BITS, LUMINANCE_UNITS);
    let min = to_fixed(mastering.min_luminance, MIN_BITS, LUMINANCE_UNITS);
    out.extend_from_slice(&max.to_be_bytes());
    out.extend_from_slice(&min.to_be_bytes());
}

fn parse_light(mut fields: Fields<'_>) -> Option<ContentLight> {
    Some(ContentLight { max: fields.u16()?, max_average: fields.u16()? })
}

fn put_light(out: &mut Vec<u8>, light: ContentLight) {
    out.extend_from_slice(&light.max.to_be_bytes());
    out.extend_from_slice(&light.max_average.to_be_bytes());
}

/// Converts a number with `bits` fractional bits to `units` per 1; the nearest one.
fn from_fixed(value: u32, bits: u32, units: u64) -> u32 {
    let scaled = u64::from(value) * units + (1 << (bits - 1));
    u32::try_from(scaled >> bits).unwrap_or(u32::MAX)
}

/// Converts a number in `units` per 1 to `bits` fractional bits; the nearest one.
fn to_fixed(value: u32, bits: u32, units: u64) -> u32 {
    let scaled = ((u64::from(value) << bits) + units / 2) / units;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::boxes::Boxes;

    /// The usual BT.2020 display with 1000 cd/m².
    fn example() -> HdrMetadata {
        let point = |x, y| Chromaticity { x, y };
        let mastering = MasteringDisplay {
            primaries: [point(35_400, 14_600), point(8_500, 39_850), point(6_550, 2_300)],
            white: point(15_635, 16_450),
            max_luminance: 10_000_000,
            min_luminance: 50,
        };
        let light = ContentLight { max: 993, max_average: 362 };
        HdrMetadata { mastering: Some(mastering), light: Some(light) }
    }

    fn parse_all(boxes: &[u8]) -> HdrMetadata {
        let mut hdr = HdrMetadata::default();
        for (kind, payload) in Boxes(boxes) {
            let _ = parse(kind, payload, &mut hdr);
        }
        hdr
    }

    #[test]
    fn both_kinds_of_boxes_keep_every_value() {
        for is_vp in [false, true] {
            let mut out = Vec::new();
            put_boxes(&mut out, example(), is_vp);
            assert_eq!(parse_all(&out), example(), "VP boxes: {is_vp}");
        }
    }

    #[test]
    fn chromaticities_above_one_are_ignored() {
        let mut out = Vec::new();
        put_boxes(&mut out, example(), false);
        out[8..10].copy_from_slice(&50_001_u16.to_be_bytes());
        assert_eq!(parse_all(&out).mastering, None);
        assert_eq!(parse_all(&out).light, example().light);
    }

    #[test]
    fn cut_boxes_state_nothing() {
        for is_vp in [false, true] {
            let mut out = Vec::new();
            put_boxes(&mut out, example(), is_vp);
            for (kind, payload) in Boxes(&out) {
                let mut hdr = HdrMetadata::default();
                assert_eq!(parse(kind, &payload[..payload.len() - 1], &mut hdr), None);
                assert!(hdr.is_empty());
            }
        }
    }
}
