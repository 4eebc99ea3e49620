//! The cost of coding a bin, in 1/256 bit, by the state of its context.

use super::Contexts;

/// Bits of the more and of the less probable symbol by state, in 1/256 bit: the entropies of
/// `0.5 * (0.0375 ^ (1 / 63)) ^ state`.
#[rustfmt::skip]
static SYMBOLS: [[u16; 2]; 64] = [
    [256, 256], [238, 275], [221, 294], [206, 314], [192, 333], [180, 352], [168, 371], [157, 391],
    [148, 410], [139, 429], [130, 448], [122, 468], [115, 487], [108, 506], [102, 525], [96, 545],
    [90, 564], [85, 583], [80, 602], [76, 622], [72, 641], [68, 660], [64, 679], [60, 699],
    [57, 718], [54, 737], [51, 756], [48, 776], [46, 795], [43, 814], [41, 833], [39, 853],
    [37, 872], [35, 891], [33, 910], [31, 930], [29, 949], [28, 968], [26, 987], [25, 1007],
    [24, 1026], [22, 1045], [21, 1064], [20, 1084], [19, 1103], [18, 1122], [17, 1141], [16, 1161],
    [15, 1180], [15, 1199], [14, 1218], [13, 1238], [12, 1257], [12, 1276], [11, 1295], [11, 1315],
    [10, 1334], [10, 1353], [9, 1372], [9, 1392], [8, 1411], [8, 1430], [7, 1449], [7, 1449],
];

impl Contexts {
    /// Returns the bits of `bin` with the context `index`, in 1/256 bit.
    #[inline]
    pub(crate) fn cost(&self, index: usize, bin: bool) -> u32 {
        let context = self.0.get(index).copied().unwrap_or(0);
        let is_less_probable = (context & 1 == 1) != bin;
        SYMBOLS[usize::from(context >> 1 & 63)][usize::from(is_less_probable)].into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_entropies() {
        for (state, [more, less]) in (0..63).zip(SYMBOLS) {
            let p = 0.5 * 0.0375_f64.powf(f64::from(state) / 63.0);
            assert!((f64::from(less) + 256.0 * p.log2()).abs() < 1.0);
            assert!((f64::from(more) + 256.0 * (1.0 - p).log2()).abs() < 1.0);
        }
    }

    #[test]
    fn the_more_probable_bin_costs_less() {
        let contexts = Contexts::new(None, 26);
        for index in 105..166 {
            let more = contexts.0[index] & 1 == 1;
            assert!(contexts.cost(index, more) <= 256 && contexts.cost(index, !more) >= 256);
        }
    }
}
