//! Parses intra macroblocks. ITU-T H.264, clauses 7.3.5.1 and 8.3.

use codec_core::error::Corrupt;

use super::MbParser;
use super::intra_modes::are_available;
use crate::decoder::entropy::{Beside, Entropy};
use crate::macroblock::{BLOCKS, IntraEdges, Mb, MbClass, Prediction};

/// `Intra_4x4_DC` and `Intra_8x8_DC`.
const DC: u8 = 2;

impl<E: Entropy> MbParser<'_, E> {
    /// Parses an intra macroblock of the type `number`, counted from `I_NxN`.
    pub(super) fn intra(&mut self, number: u8, out: &mut Mb) -> Result<(), Corrupt> {
        self.clear_motion();
        out.edges = self.intra_edges();
        match number {
            0 => self.intra_nxn(out)?,
            1..=24 => {
                self.info_mut().class = MbClass::Intra16x16;
                out.prediction = Prediction::Intra16x16((number - 1) % 4);
                self.parse_chroma_mode(out);
                self.info_mut().cbp =
                    (((number - 1) / 4 % 3) << 4) | if number > 12 { 15 } else { 0 };
            }
            _ => return self.pcm(out),
        }
        if !are_available(out) {
            return Err(self.corrupt("a valid intra_pred_mode"));
        }
        if matches!(out.prediction, Prediction::Intra16x16(_)) || self.info().cbp != 0 {
            self.parse_qp_delta()?;
            self.residual(out);
        } else {
            self.follows_delta = false;
        }
        Ok(())
    }

    /// `prev_intra_pred_mode` and the rest of `mb_pred`.
    fn intra_nxn(&mut self, out: &mut Mb) -> Result<(), Corrupt> {
        self.info_mut().class = MbClass::IntraNxN;
        if self.cx.pps.transform_8x8 {
            let value = self.parse_transform_8x8();
            self.info_mut().transform_8x8 = value;
        }
        out.transform_8x8 = self.info().transform_8x8;
        out.prediction = if self.info().transform_8x8 {
            Prediction::Intra8x8(std::array::from_fn(|n| {
                let (x, y) = (n % 2 * 2, n / 2 * 2);
                let mode = self.parse_mode(x, y);
                for at in [4 * y + x, 4 * y + x + 1, 4 * y + x + 4, 4 * y + x + 5] {
                    self.info_mut().modes[at] = mode;
                }
                mode
            }))
        } else {
            Prediction::Intra4x4(BLOCKS.map(|(x, y)| {
                let mode = self.parse_mode(x, y);
                self.info_mut().modes[4 * y + x] = mode;
                mode
            }))
        };
        self.parse_chroma_mode(out);
        let value = self.parse_cbp(true);
        self.info_mut().cbp = value;
        if self.entropy.is_damaged() { Err(self.corrupt("a valid mb_pred")) } else { Ok(()) }
    }

    /// Parses the mode of the block whose first 4x4 block is (`x`, `y`).
    fn parse_mode(&mut self, x: usize, y: usize) -> u8 {
        let left = if x > 0 {
            Some(self.info().modes[4 * y + x - 1])
        } else {
            self.near
                .left
                .and_then(|left| self.neighbour_mode(left.mbs[y / 2], 4 * left.row(y) + 3))
        };
        let top = if y > 0 {
            Some(self.info().modes[4 * y + x - 4])
        } else {
            self.near.top.and_then(|mb| self.neighbour_mode(mb, 12 + x))
        };
        let predicted = match (left, top) {
            (Some(left), Some(top)) => left.min(top),
            _ => DC,
        };
        match self.entropy.intra_mode() {
            None => predicted,
            Some(rest) => rest + u8::from(rest >= predicted),
        }
    }

    /// Returns the mode of block `at` of a neighbour; `None` if it may not be used.
    fn neighbour_mode(&self, mb: usize, at: usize) -> Option<u8> {
        let info = &self.stores.infos[mb];
        let is_usable = info.class.is_intra() || !self.cx.pps.constrained_intra_pred;
        is_usable.then_some(info.modes[at])
    }

    fn parse_chroma_mode(&mut self, out: &mut Mb) {
        if !self.cx.sps.has_chroma() {
            out.chroma_mode = 0;
            return;
        }
        let infos = &*self.stores.infos;
        let beside = Beside {
            left: self.near.left.map(|left| &infos[left.mbs[0]]),
            top: self.near.top.map(|mb| &infos[mb]),
        };
        let value = self.entropy.chroma_mode(beside);
        self.info_mut().chroma_mode = value;
        out.chroma_mode = self.info().chroma_mode;
    }

    /// `I_PCM`.
    fn pcm(&mut self, out: &mut Mb) -> Result<(), Corrupt> {
        let count = if self.cx.sps.has_chroma() { 384 } else { 256 };
        let Some(samples) = self.entropy.pcm(count) else {
            return Err(self.corrupt("a valid pcm_sample"));
        };
        out.samples[..count].copy_from_slice(samples);
        out.prediction = Prediction::Pcm;
        self.info_mut().class = MbClass::Pcm;
        self.info_mut().qp = 0;
        self.info_mut().cbp = 0x2f;
        self.info_mut().dc_flags = 7;
        self.info_mut().counts = [16; 24];
        self.info_mut().coded = u16::MAX;
        self.follows_delta = false;
        Ok(())
    }

    /// Returns which neighbouring samples may be used.
    fn intra_edges(&self) -> IntraEdges {
        let is_usable = |mb: usize| {
            !self.cx.pps.constrained_intra_pred || self.stores.infos[mb].class.is_intra()
        };
        let near = &self.near;
        let left = near.left.map_or([false; 2], |left| {
            let usable = left.mbs.map(is_usable);
            if near.is_left_mixed && !self.is_field {
                // The lines of a field pair alternate next to a frame macroblock.
                let pair = (self.row & !1) * self.cx.cols + self.x - 1;
                return [is_usable(pair) && is_usable(pair + self.cx.cols); 2];
            }
            usable
        });
        IntraEdges {
            left,
            top: near.top.is_some_and(is_usable),
            top_right: near.top_right.is_some_and(is_usable),
            top_left: near.top_left.is_some_and(|(mb, _)| is_usable(mb)),
        }
    }
}
