//! Minimal H.264 parsing to check packets before a decoder sees them: NAL units, sizes, slice
//! quantisers. ITU-T H.264, section 7.3 and annex B.

use codec_core::annex_b::Units;
use codec_core::error::Corrupt;
use codec_core::frame::Size;

const SLICE: u8 = 1;
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;

/// Summary of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Last sequence parameter set of the packet.
    pub(super) sps: Option<Sps>,
    pub(super) has_idr: bool,
    pub(super) has_slice: bool,
}

/// Builds the `AVCDecoderConfigurationRecord` of parameter sets, with four-byte lengths (ISO/IEC
/// 14496-15, section 5.3.3.1). Empty unless there is at least one SPS and one PPS.
pub(super) fn decoder_record(sets: &[u8]) -> Vec<u8> {
    let of = |kind: u8| {
        Units::new(sets).filter(move |unit| unit.first().is_some_and(|header| header & 31 == kind))
    };
    let Some([_, profile, constraints, level]) = of(SPS).find_map(|sps| sps.first_chunk()) else {
        return Vec::new();
    };
    let mut record = vec![1, *profile, *constraints, *level, 0xff];
    for (kind, mark) in [(SPS, 0xe0), (PPS, 0)] {
        record.push(mark | u8::try_from(of(kind).count().min(31)).unwrap_or(0));
        for unit in of(kind).take(31) {
            record.extend_from_slice(&u16::try_from(unit.len()).unwrap_or(0).to_be_bytes());
            record.extend_from_slice(unit);
        }
    }
    if *profile >= 100 {
        // 4:2:0, 8 bits, no SPS extensions.
        record.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]);
    }
    record
}

/// Fields of a sequence parameter set that determine the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) size: Size,
    pub(super) profile: u8,
    /// Whether the format is 8-bit 4:2:0.
    pub(super) is_8bit_420: bool,
    frame_num_bits: u32,
    order: Order,
    ref_frames: u32,
    pub(super) frames_only: bool,
}

/// Picture order count type, as far as slice headers depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Lsb(u32),
    Deltas,
    None,
}

/// Fields of a picture parameter set that slice headers depend on.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the bitstream")]
struct Pps {
    is_cabac: bool,
    has_bottom_order: bool,
    has_redundant: bool,
    is_weighted: bool,
    init_qp: i32,
}

/// Reads slice quantisers of streams with one active SPS and PPS, progressive frames and no
/// weighted prediction, as OpenH264 writes them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QpReader {
    sps: Option<Sps>,
    pps: Option<Pps>,
}

impl QpReader {
    /// Returns the quantiser of the first slice of a packet.
    pub(super) fn read(&mut self, data: &[u8]) -> Option<u8> {
        let mut found = None;
        for unit in Units::new(data) {
            match unit.first().map(|header| header & 31) {
                Some(SPS) => self.sps = Sps::parse(&unit[1..]),
                Some(PPS) => self.pps = Pps::parse(&unit[1..]),
                Some(SLICE | IDR) => {
                    found = found.or_else(|| slice_qp(unit, &self.sps?, &self.pps?));
                }
                _ => {}
            }
        }
        found
    }
}

impl Pps {
    /// Parses a picture parameter set. Section 7.3.2.2.
    fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        bits.ue();
        bits.ue();
        let is_cabac = bits.flag();
        let has_bottom_order = bits.flag();
        if bits.ue() > 0 {
            return None;
        }
        bits.ue();
        bits.ue();
        let is_weighted = bits.flag();
        bits.take(2);
        let init_qp = 26 + bits.se();
        bits.se();
        bits.se();
        bits.take(2);
        let has_redundant = bits.flag();
        (!bits.is_past_end).then_some(Self {
            is_cabac,
            has_bottom_order,
            has_redundant,
            is_weighted,
            init_qp,
        })
    }
}

/// Returns the quantiser of an I or P slice. Sections 7.3.3 and 7.4.3.
fn slice_qp(unit: &[u8], sps: &Sps, pps: &Pps) -> Option<u8> {
    let header = *unit.first()?;
    let (is_idr, is_reference) = (header & 31 == IDR, header & 0x60 != 0);
    let mut bits = Bits::new(&unit[1..]);
    bits.ue();
    let kind = bits.ue() % 5;
    let is_p = kind == 0;
    if !is_p && kind != 2 || !sps.frames_only || is_p && pps.is_weighted {
        return None;
    }
    bits.ue();
    bits.take(sps.frame_num_bits);
    if is_idr {
        bits.ue();
    }
    match sps.order {
        Order::Lsb(count) => {
            bits.take(count);
            if pps.has_bottom_order {
                bits.se();
            }
        }
        Order::Deltas => {
            bits.se();
            if pps.has_bottom_order {
                bits.se();
            }
        }
        Order::None => {}
    }
    if pps.has_redundant {
        bits.ue();
    }
    if is_p {
        if bits.flag() {
            bits.ue();
        }
        if bits.flag() {
            while !bits.is_past_end && bits.ue() != 3 {
                bits.ue();
            }
        }
    }
    if is_reference {
        skip_marking(&mut bits, is_idr);
    }
    if pps.is_cabac && is_p {
        bits.ue();
    }
    let qp = pps.init_qp.saturating_add(bits.se());
    u8::try_from(qp).ok().filter(|&qp| qp <= 51 && !bits.is_past_end)
}

/// Skips the reference picture marking. Section 7.3.3.3.
fn skip_marking(bits: &mut Bits<'_>, is_idr: bool) {
    if is_idr {
        bits.take(2);
    } else if bits.flag() {
        while !bits.is_past_end {
            match bits.ue() {
                0 => break,
                3 => {
                    bits.ue();
                    bits.ue();
                }
                1 | 2 | 4 | 6 => {
                    bits.ue();
                }
                _ => {}
            }
        }
    }
}

/// Summarises a packet.
pub(super) fn summarise(data: &[u8]) -> Result<Summary, Corrupt> {
    let mut summary = Summary::default();
    for unit in Units::new(data) {
        match unit.first().map(|header| header & 31) {
            Some(SLICE) => summary.has_slice = true,
            Some(IDR) => (summary.has_slice, summary.has_idr) = (true, true),
            Some(SPS) => {
                let what = "a complete H.264 sequence parameter set";
                let sps = Sps::parse(&unit[1..]);
                summary.sps = Some(sps.ok_or(Corrupt::Other { what, offset_bytes: 0 })?);
            }
            _ => {}
        }
    }
    Ok(summary)
}

impl Sps {
    /// Parses a sequence parameter set. Section 7.3.2.1.1. Returns `None` if it is truncated or
    /// contains invalid values.
    fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.take(8);
        bits.take(16);
        bits.ue();
        let (mut chroma, mut depth) = (1, 0);
        if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(&profile) {
            chroma = bits.ue();
            if chroma == 3 {
                bits.take(1);
            }
            depth = bits.ue() | bits.ue();
            bits.take(1);
            if bits.take(1) == 1 {
                for list in 0..if chroma == 3 { 12 } else { 8 } {
                    if bits.take(1) == 1 {
                        bits.skip_scaling_list(if list < 6 { 16 } else { 64 });
                    }
                }
            }
        }
        let frame_num_bits = (bits.ue().min(12)) + 4;
        let order = match bits.ue() {
            0 => Order::Lsb(bits.ue().min(12) + 4),
            1 => {
                let has_deltas = !bits.flag();
                bits.ue();
                bits.ue();
                let cycle = bits.ue();
                for _ in 0..cycle.min(255) {
                    bits.ue();
                }
                if has_deltas { Order::Deltas } else { Order::None }
            }
            _ => Order::None,
        };
        let ref_frames = bits.ue();
        bits.take(1);
        let columns = bits.ue().checked_add(1)?;
        let map_rows = bits.ue().checked_add(1)?;
        let frames_only = bits.take(1);
        if frames_only == 0 {
            bits.take(1);
        }
        bits.take(1);
        let mut crop = [0; 4];
        if bits.take(1) == 1 {
            crop = std::array::from_fn(|_| bits.ue());
        }
        let (across, down) = match chroma {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        let rows = map_rows.checked_mul(2 - frames_only)?;
        let cut = |whole: u32, unit: u32, a: u32, b: u32| {
            whole.checked_mul(16)?.checked_sub(a.checked_add(b)?.checked_mul(unit)?)
        };
        let width = cut(columns, across, crop[0], crop[1])?;
        let height = cut(rows, down * (2 - frames_only), crop[2], crop[3])?;
        let fits = width > 0 && height > 0 && width <= 65_535 && height <= 65_535;
        (fits && !bits.is_past_end).then_some(Self {
            size: Size::new(width, height),
            profile: profile.to_le_bytes()[0],
            is_8bit_420: chroma == 1 && depth == 0,
            frame_num_bits,
            order,
            ref_frames,
            frames_only: frames_only == 1,
        })
    }
}

/// Bit reader that skips emulation prevention bytes (section 7.4.1). Reads zeros past the end and
/// records the overrun.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    byte: u8,
    left: u32,
    zeros: u32,
    is_past_end: bool,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, byte: 0, left: 0, zeros: 0, is_past_end: false }
    }

    fn bit(&mut self) -> u32 {
        if self.left == 0 {
            if self.zeros >= 2 && self.data.get(self.at) == Some(&3) {
                (self.at, self.zeros) = (self.at + 1, 0);
            }
            self.is_past_end |= self.at >= self.data.len();
            self.byte = self.data.get(self.at).copied().unwrap_or(0);
            self.zeros = if self.byte == 0 { self.zeros + 1 } else { 0 };
            (self.at, self.left) = (self.at + 1, 8);
        }
        self.left -= 1;
        u32::from(self.byte >> self.left & 1)
    }

    /// Reads at most 32 bits.
    fn take(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | self.bit())
    }

    fn flag(&mut self) -> bool {
        self.bit() == 1
    }

    /// Reads a signed Exp-Golomb code (section 9.1.1).
    fn se(&mut self) -> i32 {
        let number = self.ue().cast_signed();
        if number % 2 == 0 { -(number / 2) } else { number / 2 + 1 }
    }

    /// Reads an unsigned Exp-Golomb code (section 9.1).
    fn ue(&mut self) -> u32 {
        let mut zeros = 0;
        while zeros < 31 && !self.is_past_end && self.bit() == 0 {
            zeros += 1;
        }
        (1 << zeros) - 1 + self.take(zeros)
    }

    /// Skips a scaling list. Section 7.3.2.1.1.1.
    fn skip_scaling_list(&mut self, count: u32) {
        let (mut last, mut next) = (8_i64, 8_i64);
        for _ in 0..count {
            if next != 0 {
                let number = i64::from(self.ue());
                let delta = if number % 2 == 0 { -number / 2 } else { (number + 1) / 2 };
                next = (last + delta).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_make_the_parser_panic() {
        for seed in 0_u32..4000 {
            let mut data = vec![0, 0, 0, 1, 0x67];
            let mut state = seed | 1;
            let mut reader = QpReader::default();
            for _ in 0..seed % 40 {
                state = state.wrapping_mul(0x9e37_79b9).rotate_left(7) ^ seed;
                data.push(state.to_le_bytes()[0] & if seed % 3 == 0 { 0x11 } else { 0xff });
            }
            let _ = summarise(&data);
            data.extend_from_slice(&[0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 1, 0x65, 0x88]);
            reader.read(&data);
        }
    }
}
