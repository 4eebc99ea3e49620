//! Generates H.264 streams whose slices have valid headers and random data.
//!
//! Arithmetic decoding of random bits yields syntax elements with the probabilities of their
//! contexts, so the macroblocks resemble the macroblocks of a real stream until an element is out of range.

/// Features of a generated stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) name: &'static str,
    pub(crate) is_cabac: bool,
    pub(crate) structure: Structure,
    pub(crate) has_b_slices: bool,
    /// `weighted_bipred_idc`; P slices are weighted if it is 1.
    pub(crate) weighting: u32,
    /// Width and height of a frame in macroblocks.
    pub(crate) size: (u32, u32),
    /// Rows of macroblocks, or of pairs of them, in a slice.
    pub(crate) slice_rows: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    Frames,
    Fields,
    /// Frames whose pairs of macroblocks are coded as frames or fields.
    Pairs,
}

pub(crate) const GROUPS: [Features; 5] = {
    let cavlc = Features {
        name: "cavlc",
        is_cabac: false,
        structure: Structure::Frames,
        has_b_slices: false,
        weighting: 0,
        size: (9, 6),
        slice_rows: 2,
    };
    let cabac = Features { name: "cabac", is_cabac: true, has_b_slices: true, ..cavlc };
    let interlaced = Features { weighting: 2, slice_rows: 1, ..cabac };
    [
        cavlc,
        cabac,
        Features { name: "weighted", weighting: 1, ..cabac },
        Features { name: "fields", structure: Structure::Fields, ..interlaced },
        Features { name: "pairs", structure: Structure::Pairs, ..interlaced },
    ]
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SliceKind {
    P = 0,
    B = 1,
    I = 2,
}

#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [.., a, b, c, d] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Returns a number below `end`.
    fn below(&mut self, end: u32) -> u32 {
        self.next() / 7 % end
    }
}

/// The payload of a NAL unit.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn u(&mut self, count: u32, value: u32) -> &mut Self {
        self.0.extend((0..count).rev().map(|at| value >> at & 1 == 1));
        self
    }

    fn ue(&mut self, value: u32) -> &mut Self {
        let zeros = (value + 1).ilog2();
        self.u(zeros, 0).u(zeros + 1, value + 1)
    }

    fn se(&mut self, value: i32) -> &mut Self {
        let code = 2 * value.unsigned_abs();
        self.ue(if value > 0 { code - 1 } else { code })
    }

    /// Writes a number from `-most` to `most`.
    fn signed(&mut self, random: &mut Random, most: u32) -> &mut Self {
        self.ue(random.below(2 * most + 1))
    }

    /// Returns the unit with start code, header, emulation prevention and trailing bits.
    fn unit(mut self, header: u8) -> Vec<u8> {
        self.0.push(true);
        let mut unit = vec![0, 0, 0, 1, header];
        let mut zeros = 0;
        for bits in self.0.chunks(8) {
            let bit = |(at, bit): (usize, &bool)| u8::from(*bit) << (7 - at);
            let byte = bits.iter().enumerate().map(bit).sum();
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            unit.push(byte);
            zeros = if byte == 0 { zeros + 1 } else { 0 };
        }
        unit
    }
}

/// A picture: a frame or a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PictureSyntax {
    kind: SliceKind,
    is_idr: bool,
    is_reference: bool,
    frame_num: u32,
    poc_lsb: u32,
    /// Frames or fields that it can refer to.
    references: u32,
    /// Whether a field is the bottom one.
    is_bottom: bool,
}

/// Generates the units of a stream: an IDR frame, then P and B frames and some I frames.
#[derive(Debug)]
pub(crate) struct Generator {
    features: Features,
    random: Random,
    frames: u32,
    /// Number of reference frames so far.
    frame_num: u32,
}

impl Generator {
    pub(crate) fn new(features: Features, seed: u64) -> Self {
        Self { features, random: Random(seed), frames: 0, frame_num: 0 }
    }

    /// Returns the parameter sets: High profile, transforms of both sizes, a cropped frame.
    pub(crate) fn parameter_sets(&self) -> Vec<u8> {
        let Features { structure, size: (cols, rows), .. } = self.features;
        let is_interlaced = structure != Structure::Frames;
        let mut sps = Bits::default();
        sps.u(8, 100).u(8, 0).u(8, 40).ue(0).ue(1).ue(0).ue(0).u(2, 0);
        // frame_num and pic_order_cnt_lsb of 8 bits, four reference frames.
        sps.ue(4).ue(0).ue(4).ue(4).u(1, 0);
        sps.ue(cols - 1).ue(if is_interlaced { rows / 2 } else { rows } - 1);
        sps.u(1, u32::from(!is_interlaced));
        if is_interlaced {
            sps.u(1, u32::from(structure == Structure::Pairs));
        }
        sps.u(1, 1).u(1, 1).ue(0).ue(3).ue(0).ue(1);
        // Usability information: one frame is reordered.
        sps.u(1, 1).u(8, 0).u(2, 0b11).ue(0).ue(0).ue(16).ue(16).ue(1).ue(4);

        let mut pps = Bits::default();
        pps.ue(0).ue(0).u(1, u32::from(self.features.is_cabac)).u(1, 0).ue(0);
        let weighting = self.features.weighting;
        pps.ue(0).ue(0).u(1, u32::from(weighting == 1)).u(2, weighting);
        // Offsets of the chroma quantisers: 1 for Cb, -2 for Cr.
        pps.se(0).se(0).se(1).u(3, 0b100).u(1, 1).u(1, 0).se(-2);
        [sps.unit(0x67), pps.unit(0x68)].concat()
    }

    /// Returns the pictures of the next frame.
    pub(crate) fn next_frame(&mut self) -> Vec<PictureSyntax> {
        let (n, frame_num) = (self.frames, self.frame_num);
        let kind = match n {
            n if n % 16 == 0 => SliceKind::I,
            n if self.features.has_b_slices && n % 3 == 2 => SliceKind::B,
            _ => SliceKind::P,
        };
        let is_reference = kind != SliceKind::B || n % 2 == 0;
        self.frames += 1;
        self.frame_num += u32::from(is_reference);
        let fields = if self.features.structure == Structure::Fields { 2 } else { 1 };
        let picture = |field: u32| PictureSyntax {
            kind: if n == 0 && field == 1 { SliceKind::P } else { kind },
            is_idr: n == 0 && field == 0,
            is_reference,
            frame_num,
            // A B frame is shown before the frame that precedes it in the stream.
            poc_lsb: 2 * (if kind == SliceKind::B { 2 * n - 3 } else { 2 * n }) + field,
            references: fields * frame_num.min(4) + field * u32::from(is_reference),
            is_bottom: field == 1,
        };
        (0..fields).map(picture).collect()
    }

    /// Returns the slices of a picture, with random quantisers, filter settings and data.
    pub(crate) fn slices(&mut self, picture: &PictureSyntax) -> Vec<u8> {
        let Features { structure, size: (cols, rows), slice_rows, .. } = self.features;
        let rows = if structure == Structure::Frames { rows } else { rows / 2 };
        let firsts = (0..rows).step_by(slice_rows as usize);
        firsts.flat_map(|row| self.slice(picture, row * cols)).collect()
    }

    fn slice(&mut self, picture: &PictureSyntax, first_mb: u32) -> Vec<u8> {
        let Features { is_cabac, structure, weighting, size, slice_rows, .. } = self.features;
        let random = &mut self.random;
        let mut bits = Bits::default();
        bits.ue(first_mb).ue(picture.kind as u32).ue(0).u(8, picture.frame_num);
        match structure {
            Structure::Frames => {}
            Structure::Fields => _ = bits.u(1, 1).u(1, u32::from(picture.is_bottom)),
            Structure::Pairs => _ = bits.u(1, 0),
        }
        if picture.is_idr {
            bits.ue(0);
        }
        bits.u(8, picture.poc_lsb);
        let lists = match picture.kind {
            SliceKind::I => 0,
            SliceKind::P => 1,
            SliceKind::B => 2,
        };
        if lists == 2 {
            // Spatial or temporal direct mode.
            bits.u(1, random.below(2));
        }
        if lists > 0 {
            // At most three references in list 0 and two in list 1, in their initial order.
            let counts = [3, 2].map(|most| picture.references.min(most));
            let counts = &counts[..lists];
            bits.u(1, 1);
            counts.iter().for_each(|count| _ = bits.ue(count - 1));
            counts.iter().for_each(|_| _ = bits.u(1, 0));
            if weighting == 1 {
                write_weights(counts, random, &mut bits);
            }
        }
        if picture.is_reference {
            bits.u(if picture.is_idr { 2 } else { 1 }, 0);
        }
        if is_cabac && lists > 0 {
            bits.ue(random.below(3));
        }
        bits.signed(random, 14);
        let filter = random.below(3);
        bits.ue(filter);
        if filter != 1 {
            bits.signed(random, 6).signed(random, 6);
        }
        while is_cabac && bits.0.len() % 8 != 0 {
            bits.u(1, 1);
        }
        let most = 100 * size.0 * slice_rows;
        let length = if is_cabac { most } else { random.below(most) };
        (0..length).for_each(|_| _ = bits.u(1, random.below(2)));
        bits.unit(if picture.is_idr { 0x65 } else { 1 + 0x40 * u8::from(picture.is_reference) })
    }
}

/// Writes `pred_weight_table`.
fn write_weights(counts: &[u32], random: &mut Random, bits: &mut Bits) {
    // Sums of two weights do not exceed 128.
    bits.ue(random.below(7)).ue(random.below(7));
    for count in counts {
        for _ in 0..*count {
            for planes in [1, 2] {
                let is_weighted = random.below(2);
                bits.u(1, is_weighted);
                for _ in 0..planes * is_weighted {
                    bits.signed(random, 60).signed(random, 8);
                }
            }
        }
    }
}
