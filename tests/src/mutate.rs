//! Damages data at random; the same seed gives the same damage.

use crate::rng::Rng;

/// Returns a damaged copy of `data`: bits flipped, bytes overwritten, runs removed, repeated or
/// inserted, the tail truncated.
#[must_use]
pub fn damaged(data: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut out = data.to_vec();
    for _ in 0..=rng.below(4) {
        if out.is_empty() {
            out.push(rng.byte());
        }
        let at = rng.index(out.len());
        let run = 1 + rng.index(64.min(out.len() - at));
        match rng.below(7) {
            0 => out[at] ^= 1 << rng.below(8),
            1 => out[at] = *rng.pick(&[0, 1, 0x7f, 0x80, 0xfe, 0xff]),
            2 => out[at..at + run].iter_mut().for_each(|byte| *byte = rng.byte()),
            3 => drop(out.drain(at..at + run)),
            4 => {
                let repeated = out[at..at + run].to_vec();
                out.splice(at..at, repeated);
            }
            5 => {
                let noise: Vec<u8> = (0..run).map(|_| rng.byte()).collect();
                out.splice(at..at, noise);
            }
            _ => out.truncate(at),
        }
    }
    out
}
