//! Supplemental enhancement information. ITU-T H.264, clauses 7.3.2.3 and D.1.

use crate::bits::BitWriter;
use crate::nal::{NalHeader, NalType};
use crate::params::{HrdLengths, Vui};
use crate::syntax::SyntaxReader;

/// The messages by `payloadType`.
const BUFFERING_PERIOD: u32 = 0;
const PICTURE_TIMING: u32 = 1;
/// The recovery point message: `payloadType` 6.
const RECOVERY_POINT: u32 = 6;

/// Where decoding can start without an IDR picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// `recovery_frame_cnt`: number of frames after which the content is correct.
    pub frame_count: u32,
}

impl RecoveryPoint {
    /// Finds the message in an unescaped SEI payload. `None` if it has none or is damaged.
    ///
    /// ```
    /// use codec_h264::sei::RecoveryPoint;
    ///
    /// // A message of another type, then a recovery point: ue(2), three flags, alignment.
    /// let rbsp = [5, 1, 99, 6, 1, 0b0110_0100, 0x80];
    /// assert_eq!(RecoveryPoint::find(&rbsp), Some(RecoveryPoint { frame_count: 2 }));
    /// ```
    #[must_use]
    pub fn find(rbsp: &[u8]) -> Option<Self> {
        let message = find_message(rbsp, RECOVERY_POINT)?;
        let mut reader = SyntaxReader::new(message, None);
        let frame_count = reader.ue("recovery_frame_cnt", 0..=65535).ok()?;
        Some(Self { frame_count })
    }

    /// Writes an SEI payload with only this message, and trailing bits. The message promises an exact
    /// match after the recovery (`exact_match_flag`).
    ///
    /// ```
    /// use codec_h264::bits::BitWriter;
    /// use codec_h264::sei::RecoveryPoint;
    ///
    /// let mut bits = BitWriter::default();
    /// RecoveryPoint { frame_count: 60 }.write(&mut bits);
    /// assert_eq!(RecoveryPoint::find(bits.bytes()), Some(RecoveryPoint { frame_count: 60 }));
    /// ```
    pub fn write(self, bits: &mut BitWriter) {
        let mut message = BitWriter::default();
        // exact_match_flag, broken_link_flag, changing_slice_group_idc
        message.ue(self.frame_count).flag(true).flag(false).u(2, 0);
        append_message(RECOVERY_POINT, message, bits);
        bits.trailing();
    }

    /// Appends a NAL unit with this message to a stream in Annex B format.
    pub fn write_unit(self, out: &mut Vec<u8>) {
        let mut bits = BitWriter::default();
        self.write(&mut bits);
        NalHeader { ref_idc: 0, nal_type: NalType::Sei }.write_unit(bits.bytes(), out);
    }
}

/// The buffering period message, for the delivery schedule of all NAL units. Times are in 1/90000 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferingPeriod {
    /// `initial_cpb_removal_delay`.
    pub initial_delay: u32,
    /// `initial_cpb_removal_delay_offset`.
    pub initial_offset: u32,
}

/// The picture timing message, of frames without `pic_struct`. Times are in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureTiming {
    /// `cpb_removal_delay`.
    pub cpb_removal_delay: u32,
    /// `dpb_output_delay`.
    pub dpb_output_delay: u32,
}

impl PictureTiming {
    /// Appends a NAL unit with this message, after the NAL unit of the buffering period that begins with the
    /// frame, to a stream in Annex B format. `lengths` are the lengths in the sequence parameter set.
    pub fn write_unit(
        self,
        period: Option<BufferingPeriod>,
        lengths: &HrdLengths,
        out: &mut Vec<u8>,
    ) {
        let mut bits = BitWriter::default();
        if let Some(BufferingPeriod { initial_delay, initial_offset }) = period {
            let mut message = BitWriter::default();
            // seq_parameter_set_id
            message.ue(0);
            put(&mut message, lengths.initial_delay, initial_delay);
            put(&mut message, lengths.initial_delay, initial_offset);
            append_message(BUFFERING_PERIOD, message, &mut bits);
        }
        let mut message = BitWriter::default();
        put(&mut message, lengths.cpb_removal_delay, self.cpb_removal_delay);
        put(&mut message, lengths.dpb_output_delay, self.dpb_output_delay);
        append_message(PICTURE_TIMING, message, &mut bits);
        bits.trailing();
        NalHeader { ref_idc: 0, nal_type: NalType::Sei }.write_unit(bits.bytes(), out);
    }
}

/// Writes the low `length` bits of `value`.
fn put(bits: &mut BitWriter, length: u8, value: u32) {
    let length = u32::from(length).min(u32::BITS);
    let mask = u32::MAX.checked_shr(u32::BITS - length).unwrap_or(0);
    bits.u(length, value & mask);
}

/// Appends a message of less than 255 bytes.
fn append_message(kind: u32, mut message: BitWriter, bits: &mut BitWriter) {
    if !message.bits().is_multiple_of(8) {
        message.trailing();
    }
    let message = message.bytes();
    bits.u(8, kind).u(8, u32::try_from(message.len()).unwrap_or(0)).append(message);
}

/// `pic_struct`: the fields of a picture and the order in which they are shown. Table D-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureStruct {
    /// A frame.
    Frame,
    /// A single field.
    Field,
    /// The top field, then the bottom field.
    TopBottom,
    /// The bottom field, then the top field.
    BottomTop,
    /// A frame or field is shown more than once.
    Repeated,
}

/// How a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldTiming {
    /// `pic_struct`.
    pub structure: PictureStruct,
    /// `ct_type`: whether the scene was captured interlaced, if stated.
    pub is_interlaced: Option<bool>,
}

/// The beginning of a picture timing message. Its fields depend on the sequence parameter set of the
/// picture that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureTimingMessage([u8; 12]);

impl PictureTimingMessage {
    /// Finds the message in an unescaped SEI payload. `None` if it has none or is damaged.
    ///
    /// ```
    /// use codec_h264::params::Vui;
    /// use codec_h264::sei::{PictureStruct, PictureTimingMessage};
    ///
    /// // Without delays: pic_struct 3, no clock timestamps.
    /// let message = PictureTimingMessage::find(&[1, 1, 0x30, 0x80]).expect("a message");
    /// let vui = Vui { pic_struct_present: true, ..Vui::default() };
    /// let timing = message.parse(&vui).expect("a structure");
    /// assert_eq!(timing.structure, PictureStruct::TopBottom);
    /// assert_eq!(timing.is_interlaced, None);
    /// ```
    #[must_use]
    pub fn find(rbsp: &[u8]) -> Option<Self> {
        let message = find_message(rbsp, PICTURE_TIMING)?;
        let mut head = [0; 12];
        head.iter_mut().zip(message).for_each(|(to, from)| *to = *from);
        Some(Self(head))
    }

    /// Parses the structure of the picture. `None` if `vui` says that the message has none, or if
    /// it is a reserved one.
    #[must_use]
    pub fn parse(&self, vui: &Vui) -> Option<FieldTiming> {
        if !vui.pic_struct_present {
            return None;
        }
        let mut reader = SyntaxReader::new(&self.0, None);
        if let Some(lengths) = vui.hrd.map(|hrd| hrd.lengths) {
            reader.u(lengths.cpb_removal_delay, "cpb_removal_delay");
            reader.u(lengths.dpb_output_delay, "dpb_output_delay");
        }
        let structure = match reader.u(4, "pic_struct") {
            0 => PictureStruct::Frame,
            1 | 2 => PictureStruct::Field,
            3 => PictureStruct::TopBottom,
            4 => PictureStruct::BottomTop,
            5..=8 => PictureStruct::Repeated,
            _ => return None,
        };
        let has_timestamp = reader.flag("clock_timestamp_flag");
        let is_interlaced = match reader.u(2, "ct_type") {
            0 if has_timestamp => Some(false),
            1 if has_timestamp => Some(true),
            _ => None,
        };
        Some(FieldTiming { structure, is_interlaced })
    }
}

/// Returns the first message of a type.
fn find_message(rbsp: &[u8], wanted: u32) -> Option<&[u8]> {
    let mut rest = rbsp;
    // The last byte has the stop bit.
    while rest.len() > 2 {
        let kind = read_number(&mut rest)?;
        let size = usize::try_from(read_number(&mut rest)?).ok()?;
        let (message, after) = rest.split_at_checked(size)?;
        if kind == wanted {
            return Some(message);
        }
        rest = after;
    }
    None
}

/// Reads a number that is coded as a sum of bytes: each 255 continues it.
fn read_number(data: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    loop {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        number = number.checked_add(u32::from(byte))?;
        if byte != 255 {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Hrd;

    #[test]
    fn messages_of_the_buffer_precede_others() {
        let lengths = HrdLengths {
            initial_delay: 24,
            cpb_removal_delay: 7,
            dpb_output_delay: 1,
            time_offset: 0,
        };
        let period = BufferingPeriod { initial_delay: 0x01_0203, initial_offset: 0x0f_0e0d };
        let mut out = Vec::new();
        let timing = PictureTiming { cpb_removal_delay: 1, dpb_output_delay: 1 };
        timing.write_unit(Some(period), &lengths, &mut out);
        let expected = [6, 0, 7, 0x80, 0x81, 0x01, 0x87, 0x87, 0x06, 0xc0, 1, 1, 3, 0x80];
        assert_eq!(out[4..], expected);
    }

    #[test]
    fn damaged_messages_have_no_recovery_point() {
        assert_eq!(RecoveryPoint::find(&[]), None);
        assert_eq!(RecoveryPoint::find(&[255, 255, 255]), None);
        assert_eq!(RecoveryPoint::find(&[6, 9, 0x80, 0x80]), None);
        assert_eq!(RecoveryPoint::find(&[6, 1, 0, 0x80]), None);
    }

    #[test]
    fn picture_timing_follows_the_delays() {
        // Five and three bits of delays, pic_struct 4, a clock timestamp with ct_type 1.
        let rbsp = [0, 1, 0, 1, 2, 0b1111_1111, 0b0100_1010, 0x80];
        let message = PictureTimingMessage::find(&rbsp).unwrap();
        let lengths = HrdLengths {
            initial_delay: 24,
            cpb_removal_delay: 5,
            dpb_output_delay: 3,
            time_offset: 0,
        };
        let (rate_bps, cpb_bits) = (64_000, 64_000);
        let hrd = Some(Hrd { rate_bps, cpb_bits, is_cbr: true, low_delay: false, lengths });
        let vui = Vui { pic_struct_present: true, hrd, ..Vui::default() };
        let expected =
            FieldTiming { structure: PictureStruct::BottomTop, is_interlaced: Some(true) };
        assert_eq!(message.parse(&vui), Some(expected));
        assert_eq!(message.parse(&Vui::default()), None);
        // Reserved, and lost bytes.
        assert_eq!(message.parse(&Vui { hrd: None, ..vui }), None);
        assert!(PictureTimingMessage::find(&[1, 3, 0x80]).is_none());
    }
}
