//! Classes of quantised coefficients (levels), which give their costs and the contexts of later
//! positions.

/// The class of a level, and its effect on the contexts of later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) class: u8,
    /// See [`magnitude_class`].
    pub(crate) magnitude: u8,
}

impl Token {
    /// Returns the token of a level.
    #[inline]
    pub(crate) fn of(level: i16) -> Self {
        TOKENS[usize::from(level.unsigned_abs()).min(TOKENS.len() - 1)]
    }
}

/// Tokens of levels up to the first one of category 6, to which all larger ones belong.
static TOKENS: [Token; 68] = {
    let mut tokens = [Token { class: 0, magnitude: 0 }; 68];
    let mut size = 1;
    while size < tokens.len() {
        tokens[size] = Token { class: class_of(size), magnitude: magnitude_class(size) };
        size += 1;
    }
    tokens
};

/// Number of classes of tokens: levels 0 to 4, and categories 1 to 6.
pub(crate) const CLASSES: usize = 11;

/// Number of raw bits of the tokens of each class: the sign, and the extra bits, each of which costs about one bit;
/// in category 6 the first ones are nearly free.
pub(crate) const RAW_BITS: [u16; CLASSES] = [0, 1, 1, 1, 1, 2, 3, 4, 5, 6, 9];

/// Class of a level that is not zero in the cost tables.
const fn class_of(size: usize) -> u8 {
    match size {
        0..=1 => 1,
        2 => 2,
        3 => 3,
        4 => 4,
        5..=6 => 5,
        7..=10 => 6,
        11..=18 => 7,
        19..=34 => 8,
        35..=66 => 9,
        _ => 10,
    }
}

/// Returns the class of a level of this size for the contexts of later positions.
const fn magnitude_class(size: usize) -> u8 {
    match size {
        0 => 0,
        1 => 1,
        2 => 2,
        3..=4 => 3,
        5..=10 => 4,
        _ => 5,
    }
}
