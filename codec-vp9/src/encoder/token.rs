//! Classes of quantised coefficients (levels), which give their costs and the contexts of later
//! positions.

/// The cost of a level apart from its context, and its effect on the contexts of later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) class: u8,
    /// See [`magnitude_class`].
    pub(crate) magnitude: u8,
    /// Cost of the sign and the extra bits.
    pub(crate) raw: u16,
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
    let mut tokens = [Token { class: 0, magnitude: 0, raw: 0 }; 68];
    let mut size = 1;
    while size < tokens.len() {
        let (class, extra_bits) = class_of(size);
        tokens[size] =
            Token { class, magnitude: magnitude_class(size), raw: 256 * (1 + extra_bits) };
        size += 1;
    }
    tokens
};

/// Class of a level that is not zero in the cost tables, and the number of its extra bits, each of which
/// costs about one bit; in category 6 the first ones are nearly free.
const fn class_of(size: usize) -> (u8, u16) {
    match size {
        0..=1 => (1, 0),
        2 => (2, 0),
        3 => (3, 0),
        4 => (4, 0),
        5..=6 => (5, 1),
        7..=10 => (6, 2),
        11..=18 => (7, 3),
        19..=34 => (8, 4),
        35..=66 => (9, 5),
        _ => (10, 8),
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
