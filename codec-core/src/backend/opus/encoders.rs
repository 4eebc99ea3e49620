//! The library's two kinds of encoder behind one set of calls: of one stream, or of several in one
//! packet (RFC 7845, section 5.1.1).

use ropus::{OpusEncoder, OpusMSEncoder};

/// An encoder of one stream or of several.
#[expect(clippy::large_enum_variant, reason = "one per encoder")]
pub(super) enum Encoders {
    One(OpusEncoder),
    Many(OpusMSEncoder),
}

/// Calls the same function of either kind.
macro_rules! both {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self {
            Self::One($inner) => $call,
            Self::Many($inner) => $call,
        }
    };
}

impl Encoders {
    pub(super) fn encode(
        &mut self,
        pcm: &[i16],
        frames: i32,
        out: &mut [u8],
    ) -> Result<usize, i32> {
        let room = i32::try_from(out.len()).unwrap_or(i32::MAX);
        let written = both!(self, e => e.encode(pcm, frames, out, room))?;
        usize::try_from(written).map_err(|_| written)
    }

    pub(super) fn final_range(&self) -> u32 {
        both!(self, e => e.get_final_range())
    }

    /// In samples. That of several streams is what each of them has: the library's own sum leaves
    /// out the 2.5 ms of the transform's overlap.
    pub(super) fn lookahead(&self) -> i32 {
        match self {
            Self::One(encoder) => encoder.get_lookahead(),
            Self::Many(encoder) => encoder.get_encoder(0).map_or(0, OpusEncoder::get_lookahead),
        }
    }

    pub(super) fn set_bitrate(&mut self, bits: i32) -> i32 {
        both!(self, e => e.set_bitrate(bits))
    }

    pub(super) fn set_vbr(&mut self, on: i32) -> i32 {
        both!(self, e => e.set_vbr(on))
    }

    pub(super) fn set_vbr_constraint(&mut self, on: i32) -> i32 {
        both!(self, e => e.set_vbr_constraint(on))
    }

    pub(super) fn set_complexity(&mut self, value: i32) -> i32 {
        both!(self, e => e.set_complexity(value))
    }

    pub(super) fn set_signal(&mut self, value: i32) -> i32 {
        both!(self, e => e.set_signal(value))
    }

    pub(super) fn set_bandwidth(&mut self, value: i32) -> i32 {
        both!(self, e => e.set_bandwidth(value))
    }

    pub(super) fn set_max_bandwidth(&mut self, value: i32) -> i32 {
        both!(self, e => e.set_max_bandwidth(value))
    }

    pub(super) fn set_force_channels(&mut self, value: i32) -> i32 {
        both!(self, e => e.set_force_channels(value))
    }

    pub(super) fn set_fec(&mut self, value: i32) -> i32 {
        both!(self, e => e.set_inband_fec(value))
    }

    pub(super) fn set_loss(&mut self, percent: i32) -> i32 {
        both!(self, e => e.set_packet_loss_perc(percent))
    }

    pub(super) fn set_dtx(&mut self, on: i32) -> i32 {
        both!(self, e => e.set_dtx(on))
    }

    pub(super) fn set_lsb_depth(&mut self, bits: i32) -> i32 {
        both!(self, e => e.set_lsb_depth(bits))
    }

    pub(super) fn set_prediction_disabled(&mut self, on: i32) -> i32 {
        both!(self, e => e.set_prediction_disabled(on))
    }

    pub(super) fn set_phase_inversion_disabled(&mut self, on: i32) -> i32 {
        both!(self, e => e.set_phase_inversion_disabled(on))
    }
}
