//! Packet status chunks of transport-wide feedback: run-length and status vector chunks.
//! draft-holmer-rmcat-transport-wide-cc-extensions-01, sections 3.1.1 to 3.1.4.

/// Status of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    NotReceived,
    /// Received, with a delta of one byte.
    Small,
    /// Received, with a signed delta of two bytes.
    Large,
}

const VECTOR: u16 = 0x8000;
const TWO_BITS: u16 = 0x4000;
/// Number of one-bit and two-bit symbols in a vector.
const ONE_BIT_SYMBOLS: usize = 14;
const TWO_BIT_SYMBOLS: usize = 7;
/// Maximum run length.
const MAX_RUN: usize = 0x1fff;

impl Symbol {
    fn from_bits(bits: u16) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::NotReceived),
            1 => Some(Self::Small),
            2 => Some(Self::Large),
            _ => None,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Self::NotReceived => 0,
            Self::Small => 1,
            Self::Large => 2,
        }
    }

    /// Size of its delta in bytes.
    pub(super) fn delta_bytes(self) -> usize {
        usize::from(self.bits())
    }
}

/// Appends the symbols of `chunk` until there are `count`. `None` if a symbol is reserved.
pub(super) fn read(chunk: u16, count: usize, symbols: &mut Vec<Symbol>) -> Option<()> {
    let missing = count.saturating_sub(symbols.len());
    if chunk & VECTOR == 0 {
        let run = missing.min(usize::from(chunk & 0x1fff));
        symbols.extend(std::iter::repeat_n(Symbol::from_bits(chunk >> 13)?, run));
    } else if chunk & TWO_BITS == 0 {
        for index in (0..14).rev().take(missing) {
            symbols.push(Symbol::from_bits(chunk >> index & 1)?);
        }
    } else {
        for index in (0..7).rev().take(missing) {
            symbols.push(Symbol::from_bits(chunk >> (2 * index))?);
        }
    }
    Some(())
}

/// Returns the chunk that encodes the most symbols, and their number; prefers a run if equal. Only
/// the last vector may be incomplete: its unused symbols count as not received.
pub(super) fn next(symbols: &[Symbol]) -> Option<(u16, usize)> {
    let &first = symbols.first()?;
    let run = symbols.iter().take(MAX_RUN).take_while(|&&symbol| symbol == first).count();
    let narrow = symbols.len().min(ONE_BIT_SYMBOLS);
    let narrow = symbols.get(..narrow).filter(|all| !all.contains(&Symbol::Large));
    let wide = symbols.get(..symbols.len().min(TWO_BIT_SYMBOLS)).unwrap_or_default();
    let pack = |all: &[Symbol], width: usize, room: usize| {
        let bits = all.iter().fold(0, |bits, symbol| bits << width | symbol.bits());
        bits << (width * (room - all.len()))
    };
    let vector = match narrow {
        Some(all) => (VECTOR | pack(all, 1, ONE_BIT_SYMBOLS), all.len()),
        None => (VECTOR | TWO_BITS | pack(wide, 2, TWO_BIT_SYMBOLS), wide.len()),
    };
    if run >= vector.1 {
        // At most MAX_RUN.
        return Some((first.bits() << 13 | u16::try_from(run).unwrap_or(0), run));
    }
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Symbol::{Large as L, NotReceived as N, Small as S};

    #[test]
    fn chunks_match_the_examples_of_the_draft() {
        // Section 3.1.3: 221 packets not received; 24 received with small deltas.
        assert_eq!(next(&[N; 221]), Some((0b0000_0000_1101_1101, 221)));
        assert_eq!(next(&[S; 24]), Some((0b0010_0000_0001_1000, 24)));
        // Section 3.1.4: one bit each: 1 N, 5 S, 3 N, 3 S, 2 N; two bits each: N, 1 L, 3 S, 2 N.
        let narrow = [N, S, S, S, S, S, N, N, N, S, S, S, N, N];
        assert_eq!(next(&narrow), Some((0b1001_1111_0001_1100, 14)));
        let wide = [N, L, S, S, S, N, N];
        assert_eq!(next(&wide), Some((0b1100_1001_0101_0000, 7)));
        for (chunk, expected) in
            [(0b1001_1111_0001_1100, &narrow[..]), (0b1100_1001_0101_0000, &wide)]
        {
            let mut symbols = Vec::new();
            read(chunk, 100, &mut symbols).unwrap();
            assert_eq!(symbols, expected);
        }
    }

    #[test]
    fn chunk_with_the_most_symbols_is_chosen() {
        assert_eq!(next(&[]), None);
        assert_eq!(next(&[L; 7]), Some((0x4007, 7)));
        assert_eq!(next(&[[S; 13].as_slice(), &[L; 3]].concat()).unwrap().1, 13);
        assert_eq!(next(&[[S; 6].as_slice(), &[L; 3]].concat()).unwrap().1, 7);
        assert_eq!(next(&[S; 9000]), Some((0x3fff, 8191)));
        assert_eq!(next(&[N, S]), Some((0b1001_0000_0000_0000, 2)));
    }

    #[test]
    fn chunks_end_with_the_packets_and_reserved_symbols_are_rejected() {
        for chunk in [0x2000 | 100, 0xbfff, 0xd555] {
            let mut symbols = vec![N; 3];
            read(chunk, 5, &mut symbols).unwrap();
            assert_eq!(symbols, [N, N, N, S, S]);
        }
        assert_eq!(read(0x6001, 5, &mut Vec::new()), None);
        assert_eq!(read(0xc003, 7, &mut Vec::new()), None);
    }
}
