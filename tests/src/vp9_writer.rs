//! Random VP9 streams: valid headers before tiles of random bytes, all of which decode without errors.
//! They reach settings that encoders never choose.

use codec_core::entropy::{BoolEncoder, BoolSink};
use codec_core::frame::Size;

use crate::rng::Rng;

/// Writes bits, most significant first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        for at in (0..bits).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = u8::try_from(value >> at & 1).unwrap();
            *self.bytes.last_mut().unwrap() |= bit << (7 - self.count % 8);
            self.count += 1;
        }
    }

    fn flag(&mut self, value: bool) {
        self.put(u32::from(value), 1);
    }

    /// A magnitude of `bits` bits, then the sign.
    fn signed(&mut self, value: i32, bits: u32) {
        self.put(value.unsigned_abs(), bits);
        self.flag(value < 0);
    }

    /// A value after a flag, or only the flag.
    fn optional(&mut self, value: Option<u32>, bits: u32) {
        self.flag(value.is_some());
        if let Some(value) = value {
            self.put(value, bits);
        }
    }
}

fn below(rng: &mut Rng, end: u32) -> u32 {
    u32::try_from(rng.below(u64::from(end))).unwrap()
}

/// True once in `times`.
fn once_in(rng: &mut Rng, times: u32) -> bool {
    below(rng, times) == 0
}

/// The settings of a frame that its compressed header depends on.
struct Frame {
    is_intra: bool,
    is_lossless: bool,
    is_filter_per_block: bool,
    may_be_compound: bool,
    has_high_precision: bool,
}

/// Writes the frames of one stream.
pub struct Vp9Writer {
    /// Smallest size; frames are up to twice as large.
    size: Size,
    resizes: bool,
    /// Sizes of the frames in the slots.
    slots: [Size; 8],
    is_first: bool,
    /// Of 256 bits in tiles, how many are ones.
    density: u64,
}

impl Vp9Writer {
    /// Begins a stream with frames of `size`; with `resizes`, up to twice as large.
    #[must_use]
    pub fn new(size: Size, resizes: bool, density: u64) -> Self {
        Self { size, resizes, slots: [size; 8], is_first: true, density }
    }

    /// Returns the next packet: a superframe of up to three frames, the last of which may be shown. Its
    /// index says where the last tile ends.
    pub fn packet(&mut self, rng: &mut Rng) -> Vec<u8> {
        let frames = if once_in(rng, 4) { 1 + below(rng, 3) } else { 1 };
        let (mut packet, mut sizes) = (Vec::new(), Vec::new());
        for index in 0..frames {
            let frame = self.frame(rng, index + 1 == frames);
            sizes.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
            packet.extend(frame);
        }
        // Sizes of four bytes.
        let marker = 0xd8 | u8::try_from(frames - 1).unwrap();
        packet.push(marker);
        packet.extend(sizes);
        packet.push(marker);
        packet
    }

    fn frame(&mut self, rng: &mut Rng, may_be_shown: bool) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(2, 2);
        bits.put(0, 2);
        if !self.is_first && may_be_shown && once_in(rng, 12) {
            bits.flag(true);
            bits.put(below(rng, 8), 3);
            return bits.bytes;
        }
        bits.flag(false);
        let is_key = self.is_first || once_in(rng, 12);
        let is_shown = may_be_shown && (is_key || !once_in(rng, 4));
        let is_resilient = once_in(rng, 6);
        bits.flag(!is_key);
        bits.flag(is_shown);
        bits.flag(is_resilient);
        let size = self.random_size(rng);
        let mut frame = Frame {
            is_intra: is_key,
            is_lossless: false,
            is_filter_per_block: false,
            may_be_compound: false,
            has_high_precision: false,
        };
        let refreshed = if is_key { 0xff } else { below(rng, 256) };
        if is_key {
            put_sync_code(&mut bits);
            // BT.601, limited range.
            bits.put(2, 3);
            bits.flag(false);
            put_size(&mut bits, size);
            bits.flag(false);
        } else {
            frame.is_intra = !is_shown && once_in(rng, 2);
            if !is_shown {
                bits.flag(frame.is_intra);
            }
            if !is_resilient {
                bits.put(below(rng, 4), 2);
            }
            if frame.is_intra {
                put_sync_code(&mut bits);
                bits.put(refreshed, 8);
                put_size(&mut bits, size);
                bits.flag(false);
            } else {
                bits.put(refreshed, 8);
                self.put_references(&mut bits, rng, size, &mut frame);
                // Error resilience clears the biases.
                frame.may_be_compound &= !is_resilient;
            }
        }
        self.is_first = false;
        if !is_resilient {
            bits.put(below(rng, 4), 2);
        }
        bits.put(below(rng, 4), 2);
        for (slot, to) in self.slots.iter_mut().enumerate() {
            if refreshed >> slot & 1 != 0 {
                *to = size;
            }
        }
        put_loop_filter(&mut bits, rng);
        frame.is_lossless = put_quantiser(&mut bits, rng);
        put_segmentation(&mut bits, rng);
        let (tile_cols, tile_rows) = put_tiles(&mut bits, rng, size);
        let compressed = compressed_header(rng, &frame);
        bits.put(u32::try_from(compressed.len()).unwrap(), 16);
        let mut data = bits.bytes;
        data.extend(compressed);
        let superblocks = size.width.div_ceil(64) * size.height.div_ceil(64);
        for index in 0..tile_cols * tile_rows {
            // More than any tile uses.
            let tile = self.tile(rng, superblocks as usize * 10_000);
            if index + 1 < tile_cols * tile_rows {
                data.extend(u32::try_from(tile.len()).unwrap().to_be_bytes());
            }
            data.extend(tile);
        }
        data
    }

    fn random_size(&self, rng: &mut Rng) -> Size {
        if !self.resizes || once_in(rng, 2) {
            return self.size;
        }
        let Size { width, height } = self.size;
        Size::new(width + below(rng, width), height + below(rng, height))
    }

    fn put_references(&self, bits: &mut Bits, rng: &mut Rng, size: Size, frame: &mut Frame) {
        let mut sizes = [size; 3];
        let mut biases = [false; 3];
        for (reference, bias) in sizes.iter_mut().zip(&mut biases) {
            let slot = below(rng, 8);
            *reference = self.slots[slot as usize];
            *bias = once_in(rng, 2);
            bits.put(slot, 3);
            bits.flag(*bias);
        }
        let found = sizes.iter().position(|&reference| reference == size);
        for at in 0..3 {
            bits.flag(Some(at) == found);
            if Some(at) == found {
                break;
            }
        }
        if found.is_none() {
            put_size(bits, size);
        }
        bits.flag(false);
        frame.has_high_precision = once_in(rng, 2);
        bits.flag(frame.has_high_precision);
        frame.is_filter_per_block = once_in(rng, 2);
        bits.flag(frame.is_filter_per_block);
        if !frame.is_filter_per_block {
            bits.put(below(rng, 4), 2);
        }
        frame.may_be_compound = biases[1] != biases[0] || biases[2] != biases[0];
    }

    /// Random bytes, the first bit of which is zero.
    fn tile(&self, rng: &mut Rng, length: usize) -> Vec<u8> {
        let mut byte =
            || (0..8).fold(0, |byte, _| byte << 1 | u8::from(rng.below(256) < self.density));
        let mut tile: Vec<u8> = (0..length).map(|_| byte()).collect();
        tile[0] &= 0x7f;
        tile
    }
}

fn put_sync_code(bits: &mut Bits) {
    bits.put(0x49_8342, 24);
}

fn put_size(bits: &mut Bits, size: Size) {
    bits.put(size.width - 1, 16);
    bits.put(size.height - 1, 16);
}

fn signed(rng: &mut Rng, limit: u32) -> i32 {
    let value = below(rng, limit + 1).cast_signed();
    if once_in(rng, 2) { -value } else { value }
}

fn put_loop_filter(bits: &mut Bits, rng: &mut Rng) {
    let level = if once_in(rng, 4) { 0 } else { below(rng, 64) };
    bits.put(level, 6);
    bits.put(below(rng, 8), 3);
    let has_deltas = once_in(rng, 2);
    bits.flag(has_deltas);
    if !has_deltas {
        return;
    }
    let are_updated = once_in(rng, 2);
    bits.flag(are_updated);
    for _ in 0..if are_updated { 6 } else { 0 } {
        let is_updated = once_in(rng, 2);
        bits.flag(is_updated);
        if is_updated {
            bits.signed(signed(rng, 63), 6);
        }
    }
}

/// Fine quantisers, so that random coefficients stay within 16 bits. Returns whether the frame is
/// lossless.
fn put_quantiser(bits: &mut Bits, rng: &mut Rng) -> bool {
    let base = if once_in(rng, 12) { 0 } else { below(rng, 8) };
    bits.put(base, 8);
    let mut is_lossless = base == 0;
    for _ in 0..3 {
        let delta = if once_in(rng, 4) { signed(rng, 3) } else { 0 };
        bits.flag(delta != 0);
        if delta != 0 {
            bits.signed(delta, 4);
            is_lossless = false;
        }
    }
    is_lossless
}

fn put_segmentation(bits: &mut Bits, rng: &mut Rng) {
    let is_enabled = once_in(rng, 2);
    bits.flag(is_enabled);
    if !is_enabled {
        return;
    }
    let has_map = !once_in(rng, 3);
    bits.flag(has_map);
    if has_map {
        let probability = |rng: &mut Rng| (!once_in(rng, 4)).then(|| 1 + below(rng, 255));
        for _ in 0..7 {
            bits.optional(probability(rng), 8);
        }
        let is_temporal = once_in(rng, 2);
        bits.flag(is_temporal);
        for _ in 0..if is_temporal { 3 } else { 0 } {
            bits.optional(probability(rng), 8);
        }
    }
    let has_features = !once_in(rng, 3);
    bits.flag(has_features);
    if !has_features {
        return;
    }
    // Absolute values, or differences.
    let is_absolute = once_in(rng, 2);
    bits.flag(is_absolute);
    for _ in 0..8 {
        for limit in [8, 63] {
            let is_used = once_in(rng, 3);
            bits.flag(is_used);
            if is_used {
                let value = signed(rng, limit);
                let value = if is_absolute { value.abs() } else { value };
                bits.signed(value, if limit == 8 { 8 } else { 6 });
            }
        }
        let reference = once_in(rng, 4).then(|| below(rng, 4));
        bits.optional(reference, 2);
        // The skip feature is not allowed for blocks smaller than 8x8, which are random.
        bits.flag(false);
    }
}

/// Returns the number of columns and rows of tiles.
fn put_tiles(bits: &mut Bits, rng: &mut Rng, size: Size) -> (u32, u32) {
    let superblocks = size.width.div_ceil(64);
    let mut log2_cols = 0;
    while superblocks >> (log2_cols + 1) >= 4 {
        let more = once_in(rng, 2);
        bits.flag(more);
        if !more {
            break;
        }
        log2_cols += 1;
    }
    let log2_rows = below(rng, 3);
    bits.flag(log2_rows > 0);
    if log2_rows > 0 {
        bits.flag(log2_rows > 1);
    }
    (1 << log2_cols, 1 << log2_rows)
}

fn compressed_header(rng: &mut Rng, frame: &Frame) -> Vec<u8> {
    let mut coder = BoolEncoder::new(Vec::new());
    coder.put_flag(false);
    let mut tx_mode = 0;
    if !frame.is_lossless {
        tx_mode = below(rng, 5);
        coder.put_literal(tx_mode.min(3), 2);
        if tx_mode >= 3 {
            coder.put_flag(tx_mode == 4);
        }
    }
    if tx_mode == 4 {
        put_deltas(&mut coder, rng, 2 + 4 + 6);
    }
    for _ in 0..=tx_mode.min(3) {
        let are_updated = once_in(rng, 3);
        coder.put_flag(are_updated);
        if are_updated {
            put_deltas(&mut coder, rng, 4 * (3 + 5 * 6) * 3);
        }
    }
    put_deltas(&mut coder, rng, 3);
    if !frame.is_intra {
        put_inter_probabilities(&mut coder, rng, frame);
    }
    // libvpx reads ahead, and rejects a header that ends with its last symbol.
    coder.put_literal(0, 32);
    coder.finish()
}

fn put_inter_probabilities(coder: &mut BoolEncoder, rng: &mut Rng, frame: &Frame) {
    put_deltas(coder, rng, 7 * 3);
    if frame.is_filter_per_block {
        put_deltas(coder, rng, 4 * 2);
    }
    put_deltas(coder, rng, 4);
    // Single, compound, or per block.
    let mode = if frame.may_be_compound { below(rng, 3) } else { 0 };
    if frame.may_be_compound {
        coder.put_flag(mode > 0);
        if mode > 0 {
            coder.put_flag(mode == 2);
        }
    }
    if mode == 2 {
        put_deltas(coder, rng, 5);
    }
    if mode != 1 {
        put_deltas(coder, rng, 5 * 2);
    }
    if mode != 0 {
        put_deltas(coder, rng, 5);
    }
    put_deltas(coder, rng, 4 * 9);
    put_deltas(coder, rng, 16 * 3);
    let components = 2 * (1 + 10 + 1 + 10);
    let fractions = 2 * (2 * 3 + 3);
    let high_precision = if frame.has_high_precision { 4 } else { 0 };
    for _ in 0..3 + components + fractions + high_precision {
        let is_updated = once_in(rng, 30);
        coder.put_bool(is_updated, 252);
        if is_updated {
            coder.put_literal(below(rng, 128), 7);
        }
    }
}

/// Changes some of `count` probabilities.
fn put_deltas(coder: &mut BoolEncoder, rng: &mut Rng, count: usize) {
    for _ in 0..count {
        let is_updated = once_in(rng, 20);
        coder.put_bool(is_updated, 252);
        if is_updated {
            put_code(coder, below(rng, 254));
        }
    }
}

fn put_code(coder: &mut BoolEncoder, code: u32) {
    let classes = [(16, 4), (32, 4), (64, 5)];
    let mut start = 0;
    for (end, bits) in classes {
        coder.put_flag(code >= end);
        if code < end {
            return coder.put_literal(code - start, bits);
        }
        start = end;
    }
    let rest = code - 64;
    if rest < 65 {
        coder.put_literal(rest, 7);
    } else {
        coder.put_literal((rest + 65) >> 1, 7);
        coder.put_flag((rest + 65) & 1 == 1);
    }
}
