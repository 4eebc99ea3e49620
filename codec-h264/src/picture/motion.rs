//! Motion of a decoded picture: for neighbours, for deblocking and for direct prediction in later
//! pictures.

use crate::slice::PictureStructure;

/// A motion vector in quarter samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub struct Mv {
    pub x: i16,
    pub y: i16,
}

impl Mv {
    /// The vector (0, 0).
    pub const ZERO: Self = Self { x: 0, y: 0 };
}

/// Identity of a reference picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefKey {
    /// Identity of the frame.
    pub id: u64,
    /// The frame, or the field of it.
    pub structure: PictureStructure,
}

/// The entry of [`MbMotion::ref_ids`] of a block that does not use the list.
pub const NO_REF: u8 = 0xff;

/// How the macroblocks of a frame were coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// As a frame of frame macroblocks.
    #[default]
    Frame,
    /// As a frame with pairs of frame or field macroblocks.
    Mbaff,
    /// As two fields.
    Fields,
}

/// Motion of a macroblock, by list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MbMotion {
    /// Reference indices of the four 8x8 blocks; -1 if the list is not used, and in intra
    /// macroblocks.
    pub refs: [[i8; 4]; 2],
    /// The pictures that `refs` refer to, as indices into [`Motion::keys`]; [`NO_REF`] if unused.
    pub ref_ids: [[u8; 4]; 2],
    /// Vectors of the sixteen 4x4 blocks in raster order; any value if the list is not used.
    pub mvs: [[Mv; 16]; 2],
    /// Whether this is a field macroblock of an MBAFF frame.
    pub is_field: bool,
}

impl MbMotion {
    /// A macroblock without motion.
    pub const NONE: Self = Self {
        refs: [[-1; 4]; 2],
        ref_ids: [[NO_REF; 4]; 2],
        mvs: [[Mv::ZERO; 16]; 2],
        is_field: false,
    };

    /// Marks both lists as unused.
    #[inline]
    pub fn clear(&mut self) {
        (self.refs, self.ref_ids) = (Self::NONE.refs, Self::NONE.ref_ids);
    }
}

/// Motion of the macroblocks of a frame.
///
/// Macroblocks are in rows of the frame. The macroblocks of fields, and the pairs of MBAFF frames,
/// alternate between rows: row `2 n` has the top field's, row `2 n + 1` the bottom field's.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    /// Width in macroblocks.
    pub cols: usize,
    /// How the frame was coded.
    pub coding: Coding,
    /// Motion of each macroblock.
    pub mbs: Vec<MbMotion>,
    /// Identities of all pictures that are referred to.
    pub keys: Vec<RefKey>,
}

impl Motion {
    /// Maximum length of `keys`: [`NO_REF`] is not an index.
    const MAX_KEYS: usize = NO_REF as usize;

    /// Prepares for a frame of `cols` x `rows` macroblocks. Allocates only if the size changes.
    pub fn begin(&mut self, cols: usize, rows: usize, coding: Coding) {
        let count = cols * rows;
        if self.mbs.len() != count {
            self.mbs = vec![MbMotion::NONE; count];
        }
        self.cols = cols;
        self.coding = coding;
        self.keys.clear();
    }

    /// Returns the index of `key` in `keys`, which it extends. [`NO_REF`] if the table is full, which
    /// happens only with references to more pictures than a decoded picture buffer has.
    pub fn intern(&mut self, key: RefKey) -> u8 {
        let index = self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            if self.keys.len() < Self::MAX_KEYS {
                self.keys.push(key);
            }
            self.keys.len() - 1
        });
        u8::try_from(index).unwrap_or(NO_REF)
    }
}
