//! Pairwise covers: few cases that contain every pair of settings.

use crate::rng::Rng;

/// Returns cases, each an index per dimension, such that every pair of values of any two dimensions
/// occurs in at least one. `sizes[d]` is the number of values of dimension `d`. Deterministic for a
/// seed.
///
/// # Panics
/// If a dimension has no value.
#[must_use]
pub fn pairwise(sizes: &[usize], seed: u64) -> Vec<Vec<usize>> {
    assert!(sizes.iter().all(|&size| size > 0));
    let mut rng = Rng::new(seed);
    let mut missing: Vec<(usize, usize, usize, usize)> = Vec::new();
    for a in 0..sizes.len() {
        for b in a + 1..sizes.len() {
            for i in 0..sizes[a] {
                missing.extend((0..sizes[b]).map(|j| (a, i, b, j)));
            }
        }
    }
    let mut cases = Vec::new();
    while let Some(&(a, i, b, j)) = missing.first() {
        // Of several random completions of the first missing pair, the one that covers the most
        // others.
        let gain = |case: &[usize]| {
            missing.iter().filter(|&&(a, i, b, j)| case[a] == i && case[b] == j).count()
        };
        let candidates = (0..40).map(|_| {
            let mut case: Vec<usize> = sizes.iter().map(|&size| rng.index(size)).collect();
            case[a] = i;
            case[b] = j;
            case
        });
        let best = candidates.max_by_key(|case| gain(case)).expect("forty candidates");
        missing.retain(|&(a, i, b, j)| best[a] != i || best[b] != j);
        cases.push(best);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_values_meets() {
        let sizes = [3, 5, 2, 7];
        let cases = pairwise(&sizes, 1);
        assert!(cases.len() < 3 * 5 * 2 * 7 / 3, "{} cases", cases.len());
        for a in 0..4 {
            for b in a + 1..4 {
                for i in 0..sizes[a] {
                    for j in 0..sizes[b] {
                        assert!(cases.iter().any(|case| case[a] == i && case[b] == j));
                    }
                }
            }
        }
    }
}
