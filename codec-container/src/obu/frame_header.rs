//! Parses frame headers up to the base quantiser index. AV1 specification, sections 5.9.2 to 5.9.16.

use codec_core::frame::Size;

use super::frame_kind::Av1FrameKind;
use super::references::{Slots, references};
use super::sequence::Choice;
use super::units::SequenceHeader;
use crate::bits::Bits;

/// A parsed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Shows the frame of a slot again.
    Existing(u8),
    Coded(Coded),
}

/// The header of a coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) kind: Av1FrameKind,
    pub(super) is_shown: bool,
    pub(super) is_showable: bool,
    pub(super) error_resilient: bool,
    pub(super) order_hint: u32,
    /// Slots that the frame replaces, one bit for each.
    pub(super) refreshes: u8,
    pub(super) references: Option<[u8; 7]>,
    /// Size after super-resolution.
    pub(super) size: Size,
    /// Columns and rows of tiles.
    pub(super) tiles: (u32, u32),
    pub(super) qindex: u8,
}

/// Reads a header.
pub(super) struct HeaderParser<'a> {
    bits: Bits<'a>,
    sequence: &'a SequenceHeader,
    slots: &'a Slots,
    /// Temporal and spatial layer.
    layers: (u8, u8),
    /// Width before super-resolution.
    coded_width: u32,
}

impl<'a> HeaderParser<'a> {
    pub(super) fn new(
        data: &'a [u8],
        sequence: &'a SequenceHeader,
        slots: &'a Slots,
        layers: (u8, u8),
    ) -> Self {
        Self { bits: Bits::new(data), sequence, slots, layers, coded_width: 0 }
    }

    /// Parses the header; `None` if it ends early or refers to unknown frames.
    pub(super) fn parse(mut self) -> Option<Header> {
        let reduced = self.sequence.reduced;
        if !reduced && self.bits.flag()? {
            return Some(Header::Existing(self.bits.byte(3)?));
        }
        let mut coded = Coded {
            kind: Av1FrameKind::Key,
            is_shown: true,
            is_showable: false,
            error_resilient: true,
            order_hint: 0,
            refreshes: 0xFF,
            references: None,
            size: self.sequence.size,
            tiles: (1, 1),
            qindex: 0,
        };
        if !reduced {
            self.parse_kind(&mut coded)?;
        }
        self.parse_body(&mut coded)?;
        coded.tiles = self.tiles(coded.size.height)?;
        coded.qindex = self.bits.byte(8)?;
        Some(Header::Coded(coded))
    }

    fn parse_kind(&mut self, coded: &mut Coded) -> Option<()> {
        coded.kind = match self.bits.take(2)? {
            0 => Av1FrameKind::Key,
            1 => Av1FrameKind::Inter,
            2 => Av1FrameKind::IntraOnly,
            _ => Av1FrameKind::Switch,
        };
        coded.is_shown = self.bits.flag()?;
        let is_key = coded.kind == Av1FrameKind::Key;
        if coded.is_shown {
            if let Some(model) = self.sequence.decoder_model
                && !self.sequence.equal_intervals
            {
                self.bits.take(model.presentation_bits)?;
            }
            coded.is_showable = !is_key;
        } else {
            coded.is_showable = self.bits.flag()?;
        }
        coded.error_resilient =
            coded.kind == Av1FrameKind::Switch || is_key && coded.is_shown || self.bits.flag()?;
        Some(())
    }

    /// Parses from the update of probabilities to the tiles.
    fn parse_body(&mut self, coded: &mut Coded) -> Option<()> {
        let tools = self.sequence.tools;
        let is_intra = matches!(coded.kind, Av1FrameKind::Key | Av1FrameKind::IntraOnly);
        let is_switch = coded.kind == Av1FrameKind::Switch;
        let keeps_probabilities = self.bits.flag()?;
        let is_screen = self.chosen(tools.screen_content)?;
        let has_integer_vectors = is_screen && self.chosen(tools.integer_vectors)?;
        if let Some((id_bits, _)) = tools.frame_id_bits {
            self.bits.take(id_bits)?;
        }
        let has_size = is_switch || !self.sequence.reduced && self.bits.flag()?;
        coded.order_hint = self.bits.take(tools.order_hint_bits)?;
        if !is_intra && !coded.error_resilient {
            self.bits.take(3)?;
        }
        self.skip_removal_times()?;
        if !(is_switch || coded.kind == Av1FrameKind::Key && coded.is_shown) {
            coded.refreshes = self.bits.byte(8)?;
        }
        if (!is_intra || coded.refreshes != 0xFF)
            && coded.error_resilient
            && tools.order_hint_bits > 0
        {
            self.bits.skip(8 * usize::try_from(tools.order_hint_bits).ok()?);
        }
        if is_intra {
            coded.size = self.size(has_size)?;
            self.skip_render_size()?;
            if is_screen && coded.size.width == self.coded_width {
                self.bits.flag()?;
            }
        } else {
            self.parse_references(coded, has_size)?;
            if !has_integer_vectors {
                self.bits.flag()?;
            }
            if !self.bits.flag()? {
                self.bits.take(2)?;
            }
            self.bits.flag()?;
            if !coded.error_resilient && tools.reference_vectors {
                self.bits.flag()?;
            }
        }
        if !self.sequence.reduced && !keeps_probabilities {
            self.bits.flag()?;
        }
        Some(())
    }

    fn chosen(&mut self, choice: Choice) -> Option<bool> {
        match choice {
            Choice::Sequence(chosen) => Some(chosen),
            Choice::Frame => self.bits.flag(),
        }
    }

    fn skip_removal_times(&mut self) -> Option<()> {
        let Some(model) = self.sequence.decoder_model else { return Some(()) };
        if !self.bits.flag()? {
            return Some(());
        }
        let (temporal, spatial) = self.layers;
        for layers in self.sequence.modelled.iter().flatten() {
            let has_frame = layers >> temporal & 1 == 1 && layers >> (spatial + 8) & 1 == 1;
            if *layers == 0 || has_frame {
                self.bits.take(model.removal_bits)?;
            }
        }
        Some(())
    }

    fn parse_references(&mut self, coded: &mut Coded, has_size: bool) -> Option<()> {
        let tools = self.sequence.tools;
        let mut slots = [0; 7];
        let is_short = tools.order_hint_bits > 0 && self.bits.flag()?;
        if is_short {
            let named = (self.bits.byte(3)?, self.bits.byte(3)?);
            slots = references(self.slots, named, coded.order_hint, tools.order_hint_bits);
        }
        for slot in &mut slots {
            if !is_short {
                *slot = self.bits.byte(3)?;
            }
            if let Some((_, delta_bits)) = tools.frame_id_bits {
                self.bits.take(delta_bits)?;
            }
        }
        coded.references = Some(slots);
        if !has_size || coded.error_resilient {
            coded.size = self.size(has_size)?;
            return self.skip_render_size();
        }
        // The size of a reference, or a new one.
        for slot in slots {
            if self.bits.flag()? {
                coded.size = self.slots.get(usize::from(slot)).copied().flatten()?.size;
                self.coded_width = self.coded_width_of(coded.size.width)?;
                return Some(());
            }
        }
        coded.size = self.size(true)?;
        self.skip_render_size()
    }

    fn size(&mut self, has_size: bool) -> Option<Size> {
        let mut size = self.sequence.size;
        if has_size {
            let (width_bits, height_bits) = self.sequence.field_bits;
            size = Size::new(self.bits.take(width_bits)? + 1, self.bits.take(height_bits)? + 1);
        }
        self.coded_width = self.coded_width_of(size.width)?;
        Some(size)
    }

    /// Parses the parameters of super-resolution: the width of the coded frame.
    fn coded_width_of(&mut self, width: u32) -> Option<u32> {
        if !self.sequence.tools.super_resolution || !self.bits.flag()? {
            return Some(width);
        }
        let denominator = self.bits.take(3)? + 9;
        Some((width * 8 + denominator / 2) / denominator)
    }

    fn skip_render_size(&mut self) -> Option<()> {
        if self.bits.flag()? {
            self.bits.take(32)?;
        }
        Some(())
    }

    /// Columns and rows of tiles. Section 5.9.15.
    fn tiles(&mut self, height: u32) -> Option<(u32, u32)> {
        let log2_of = if self.sequence.tools.large_superblocks { 7 } else { 6 };
        let blocks = |pixels: u32| pixels.div_ceil(8).div_ceil(1 << (log2_of - 3));
        let (columns, rows) = (blocks(self.coded_width), blocks(height));
        let max_width = 4096 >> log2_of;
        let max_area = (4096 * 2304) >> (2 * log2_of);
        let min_columns = log2(max_width, columns);
        let min_tiles = min_columns.max(log2(max_area, columns * rows));
        let (tile_columns, tile_rows);
        if self.bits.flag()? {
            let log2_columns = self.increments(min_columns, log2(1, columns.min(64)))?;
            tile_columns = columns.div_ceil(columns.div_ceil(1 << log2_columns));
            let least = min_tiles.saturating_sub(log2_columns);
            let log2_rows = self.increments(least, log2(1, rows.min(64)))?;
            tile_rows = rows.div_ceil(rows.div_ceil(1 << log2_rows));
            self.skip_tile_info(log2_columns + log2_rows)?;
        } else {
            let widest;
            (tile_columns, widest) = self.lengths(columns, max_width)?;
            let area = columns * rows;
            let area = if min_tiles > 0 { area >> (min_tiles + 1) } else { area };
            (tile_rows, _) = self.lengths(rows, (area / widest.max(1)).max(1))?;
            self.skip_tile_info(log2(1, tile_columns) + log2(1, tile_rows))?;
        }
        Some((tile_columns, tile_rows))
    }

    fn increments(&mut self, from: u32, most: u32) -> Option<u32> {
        let mut value = from;
        while value < most && self.bits.flag()? {
            value += 1;
        }
        Some(value)
    }

    /// The number of tiles with explicit lengths, and the greatest length.
    fn lengths(&mut self, blocks: u32, most: u32) -> Option<(u32, u32)> {
        let (mut start, mut count, mut greatest) = (0, 0, 0);
        while start < blocks {
            let length = self.bounded((blocks - start).min(most))? + 1;
            greatest = greatest.max(length);
            (start, count) = (start + length, count + 1);
        }
        Some((count, greatest))
    }

    /// Reads a number below `limit`. Section 4.10.7, `ns(n)`.
    fn bounded(&mut self, limit: u32) -> Option<u32> {
        let bits = u32::BITS - limit.leading_zeros();
        let short = (1 << bits) - limit;
        let value = self.bits.take(bits.saturating_sub(1))?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.bits.bit()?)
    }

    fn skip_tile_info(&mut self, log2_tiles: u32) -> Option<()> {
        if log2_tiles > 0 {
            self.bits.take(log2_tiles + 2)?;
        }
        Some(())
    }
}

/// The smallest `k` with `size << k >= target`.
fn log2(size: u32, target: u32) -> u32 {
    (0..31).find(|k| u64::from(size) << k >= u64::from(target)).unwrap_or(31)
}
