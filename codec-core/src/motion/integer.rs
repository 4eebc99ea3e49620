//! Integer motion search: candidate vectors, then descent with a search pattern, four SADs at a
//! time.

use codec_simd::{Kernels, PlaneRef};

use super::block::HalfBlock;
use super::{Block, FullPel, Half, PixelPos, Quadrant, SearchRange, Target};

/// Search pattern around the best candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// No pattern search: only the candidates are compared.
    Candidates,
    /// Iterated search of the four direct neighbours: for good candidates and little motion.
    #[default]
    Diamond,
    /// Iterated hexagon of radius 2, then the diamond.
    Hexagon,
    /// Eight points at radii 4, 8 and 16 around the best candidate, then the hexagon.
    Wide,
    /// Every vector within 16 pixels of the best candidate, then the diamond: slow.
    Exhaustive,
}

/// Settings of the integer search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegerSettings {
    /// Search pattern around the best candidate.
    pub pattern: Pattern,
    /// Maximum number of steps of each descent (hexagon, diamond).
    pub max_steps: u8,
    /// SAD below which a candidate ends the search.
    pub stop_below: u32,
}

impl Default for IntegerSettings {
    fn default() -> Self {
        Self { pattern: Pattern::Hexagon, max_steps: 16, stop_below: 0 }
    }
}

/// Result of an integer search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegerMatch {
    /// Motion vector, inside the search range.
    pub vector: FullPel,
    /// Sum of absolute differences at the vector.
    pub sad: u32,
    /// `sad` plus the cost of the vector; `u32::MAX` if no tried vector can be coded.
    pub cost: u32,
}

/// Searches the best match for the macroblock of `target`, starting from the candidates `starts` in
/// full pixels.
///
/// Candidates are in order of reliability: of equal costs the earlier one wins. Candidates outside
/// the range are clamped to it. An empty list starts from the zero vector.
#[must_use]
pub fn search_integer(
    target: &Target<'_>,
    starts: &[FullPel],
    settings: IntegerSettings,
) -> IntegerMatch {
    let price = |vector| target.price.in_sad(vector);
    Walk::new(target.kernels, target.cur, target.refp, target.at, target.range, price)
        .search(starts, settings)
}

/// Searches like [`search_integer`], for one quadrant of the macroblock.
#[must_use]
pub fn search_integer_8x8(
    target: &Target<'_>,
    quadrant: Quadrant,
    starts: &[FullPel],
    settings: IntegerSettings,
) -> IntegerMatch {
    let (x, y) = quadrant.origin();
    let cur = target.cur.sub::<8, 8>(x, y);
    let price = |vector| target.price.in_sad(vector);
    let at = target.quadrant_at(quadrant);
    Walk::new(target.kernels, &cur, target.refp, at, target.range, price).search(starts, settings)
}

/// Searches like [`search_integer`], for a half of the macroblock.
#[must_use]
pub fn search_integer_half(
    target: &Target<'_>,
    half: Half,
    starts: &[FullPel],
    settings: IntegerSettings,
) -> IntegerMatch {
    let cur = HalfBlock::new(target.cur, half);
    let price = |vector| target.price.in_sad(vector);
    let Target { kernels, refp, at, range, .. } = *target;
    Walk::new(kernels, &cur, refp, at, range, price).search(starts, settings)
}

impl Target<'_> {
    /// Returns the top-left pixel of a quadrant of the macroblock.
    #[inline]
    #[must_use]
    pub fn quadrant_at(&self, quadrant: Quadrant) -> PixelPos {
        let (x, y) = quadrant.origin();
        PixelPos::new(self.at.x + i32::from(x != 0) * 8, self.at.y + i32::from(y != 0) * 8)
    }
}

const DIAMOND: [(i16, i16); 4] = [(0, -1), (-1, 0), (1, 0), (0, 1)];
/// In order around the centre, so that neighbours have adjacent indices.
const HEXAGON: [(i16, i16); 6] = [(-2, 0), (-1, -2), (1, -2), (2, 0), (1, 2), (-1, 2)];
const STAR: [(i16, i16); 8] =
    [(0, -4), (-4, 0), (4, 0), (0, 4), (-3, -3), (3, -3), (-3, 3), (3, 3)];
const EXHAUSTIVE_RADIUS: i16 = 16;

/// State of a search.
pub(crate) struct Walk<'a, B, P> {
    kernels: &'a Kernels,
    cur: &'a B,
    refp: PlaneRef<'a>,
    at: PixelPos,
    range: SearchRange,
    price: P,
    best: IntegerMatch,
}

impl<'a, B: Block, P: Fn(FullPel) -> u32> Walk<'a, B, P> {
    /// Prepares a search of `cur`, located at `at`, in `refp`.
    pub(crate) fn new(
        kernels: &'a Kernels,
        cur: &'a B,
        refp: PlaneRef<'a>,
        at: PixelPos,
        range: SearchRange,
        price: P,
    ) -> Self {
        let best = IntegerMatch { vector: FullPel::ZERO, sad: u32::MAX, cost: u32::MAX };
        Self { kernels, cur, refp, at, range, price, best }
    }

    /// Tries `starts`, then follows the pattern.
    pub(crate) fn search(mut self, starts: &[FullPel], settings: IntegerSettings) -> IntegerMatch {
        self.candidates(starts);
        if self.best.sad < settings.stop_below {
            return self.best;
        }
        match settings.pattern {
            Pattern::Candidates => return self.best,
            Pattern::Diamond => {}
            Pattern::Hexagon => self.hexagon(settings.max_steps),
            Pattern::Wide => {
                self.stars();
                self.hexagon(settings.max_steps);
            }
            Pattern::Exhaustive => self.exhaustive(),
        }
        self.diamond(settings.max_steps);
        self.best
    }

    fn candidates(&mut self, starts: &[FullPel]) {
        let starts = if starts.is_empty() { &[FullPel::ZERO] } else { starts };
        // Neighbours often have the same vector.
        let (mut group, mut count) = ([FullPel::ZERO; 4], 0);
        for &start in starts {
            let start = self.range.clamp(start);
            if group[..count].contains(&start) {
                continue;
            }
            group[count] = start;
            count += 1;
            if count == 4 {
                self.try_four(group);
                count = 0;
            }
        }
        if count > 0 {
            self.try_four(std::array::from_fn(|n| group[n.min(count - 1)]));
        }
    }

    fn diamond(&mut self, max_steps: u8) {
        for _ in 0..max_steps {
            let centre = self.best.vector;
            self.try_four(DIAMOND.map(|(dx, dy)| self.near(centre, dx, dy)));
            if self.best.vector == centre {
                return;
            }
        }
    }

    fn hexagon(&mut self, max_steps: u8) {
        let centre = self.best.vector;
        let point = |walk: &Self, n: usize| {
            let (dx, dy) = HEXAGON[n % 6];
            walk.near(walk.best.vector, dx, dy)
        };
        let all: [FullPel; 6] = std::array::from_fn(|n| point(self, n));
        self.try_four([all[0], all[1], all[2], all[3]]);
        self.try_four([all[4], all[5], all[5], all[5]]);
        let Some(mut side) = all.iter().position(|&v| v == self.best.vector && v != centre) else {
            return;
        };
        // Only the three points in the direction of the step are new; the other three are known.
        for _ in 1..max_steps {
            let centre = self.best.vector;
            let ahead = [(side + 5) % 6, side, (side + 1) % 6];
            let [a, b, c] = ahead.map(|n| point(self, n));
            self.try_four([a, b, c, c]);
            match [a, b, c].iter().position(|&v| v == self.best.vector && v != centre) {
                Some(n) => side = ahead[n],
                None => return,
            }
        }
    }

    fn stars(&mut self) {
        let centre = self.best.vector;
        for scale in [1, 2, 4] {
            let point = |n: usize| self.near(centre, STAR[n].0 * scale, STAR[n].1 * scale);
            let points: [FullPel; 8] = std::array::from_fn(point);
            self.try_four([points[0], points[1], points[2], points[3]]);
            self.try_four([points[4], points[5], points[6], points[7]]);
        }
    }

    fn exhaustive(&mut self) {
        let centre = self.best.vector;
        for dy in -EXHAUSTIVE_RADIUS..=EXHAUSTIVE_RADIUS {
            for dx in (-EXHAUSTIVE_RADIUS..=EXHAUSTIVE_RADIUS).step_by(4) {
                self.try_four([0, 1, 2, 3].map(|n| self.near(centre, dx + n, dy)));
            }
        }
    }

    #[inline]
    fn near(&self, centre: FullPel, dx: i16, dy: i16) -> FullPel {
        self.range.clamp(centre.offset(dx, dy))
    }

    /// Takes the best of four vectors if it beats the best so far. All must lie in the range.
    #[inline]
    fn try_four(&mut self, vectors: [FullPel; 4]) {
        let at = vectors.map(|vector| self.at.moved(vector));
        let sads = self.cur.sad_x4(self.kernels, self.refp, at);
        for (vector, sad) in vectors.into_iter().zip(sads) {
            // The vector cost is looked up only if the error alone would win.
            if sad < self.best.cost {
                let cost = sad.saturating_add((self.price)(vector));
                if cost < self.best.cost {
                    self.best = IntegerMatch { vector, sad, cost };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_scene::{Scene, free};
    use super::super::{Lambda, MvCost, QuarterPel, VectorPrice};
    use super::*;

    const PATTERNS: [Pattern; 4] =
        [Pattern::Diamond, Pattern::Hexagon, Pattern::Wide, Pattern::Exhaustive];

    #[test]
    fn every_pattern_finds_a_small_shift() {
        let table = MvCost::default();
        for (x, y) in [(0, 0), (1, 0), (-2, 3), (4, -4), (-5, -1)] {
            let vector = FullPel::new(x, y);
            let scene = Scene::shifted(vector.to_quarter());
            for pattern in PATTERNS {
                let settings = IntegerSettings { pattern, ..IntegerSettings::default() };
                let target = scene.target(free(&table));
                let found = search_integer(&target, &[FullPel::ZERO], settings);
                assert_eq!((found.vector, found.sad), (vector, 0), "{pattern:?}");
            }
        }
    }

    #[test]
    fn each_quadrant_is_searched_on_its_own_pixels() {
        let table = MvCost::default();
        let vector = FullPel::new(-2, 3);
        let scene = Scene::shifted(vector.to_quarter());
        let settings =
            IntegerSettings { pattern: Pattern::Exhaustive, ..IntegerSettings::default() };
        for quadrant in Quadrant::ALL {
            let target = scene.target(free(&table));
            let found = search_integer_8x8(&target, quadrant, &[], settings);
            assert_eq!((found.vector, found.sad), (vector, 0), "{quadrant:?}");
        }
    }

    #[test]
    fn each_half_is_searched_on_its_own_pixels() {
        let table = MvCost::default();
        let vector = FullPel::new(3, -1);
        let scene = Scene::shifted(vector.to_quarter());
        let settings =
            IntegerSettings { pattern: Pattern::Exhaustive, ..IntegerSettings::default() };
        for half in [Half::Top, Half::Bottom, Half::Left, Half::Right] {
            let found = search_integer_half(&scene.target(free(&table)), half, &[], settings);
            assert_eq!((found.vector, found.sad), (vector, 0), "{half:?}");
        }
    }

    #[test]
    fn the_best_of_many_candidates_is_taken() {
        let table = MvCost::default();
        let vector = FullPel::new(13, -11);
        let scene = Scene::shifted(vector.to_quarter());
        let starts: Vec<_> = (0..14).map(|n| FullPel::new(n, 2 - n)).collect();
        let settings =
            IntegerSettings { pattern: Pattern::Candidates, ..IntegerSettings::default() };
        let found = search_integer(&scene.target(free(&table)), &starts, settings);
        assert_eq!((found.vector, found.sad), (vector, 0));
    }

    #[test]
    fn repeated_candidates_change_nothing() {
        let table = MvCost::default();
        let scene = Scene::shifted(FullPel::new(5, -3).to_quarter());
        let once: Vec<_> = (0..6).map(|n| FullPel::new(n, -n)).collect();
        let often: Vec<_> = once.iter().flat_map(|&start| [once[0], start, start]).collect();
        let settings =
            IntegerSettings { pattern: Pattern::Candidates, ..IntegerSettings::default() };
        let [once, often] = [once, often]
            .map(|starts| search_integer(&scene.target(free(&table)), &starts, settings));
        assert_eq!(once, often);
    }

    #[test]
    fn vectors_stay_inside_the_range_for_any_start() {
        let table = MvCost::default();
        let scene = Scene::shifted(QuarterPel::new(-100, 100));
        let target = scene.target(free(&table));
        let far = [FullPel::new(i16::MIN, i16::MAX), FullPel::new(i16::MAX, i16::MIN)];
        for pattern in PATTERNS {
            for start in far {
                let settings = IntegerSettings { pattern, ..IntegerSettings::default() };
                let found = search_integer(&target, &[start], settings);
                assert!(target.range.contains(found.vector), "{found:?}");
            }
        }
    }

    #[test]
    fn the_vector_cost_decides_between_equal_errors() {
        let mut table = MvCost::default();
        table.fill(|d| (256 * u32::from(d.unsigned_abs() / 4), 256));
        let scene = Scene::flat();
        let predicted = FullPel::new(3, 0).to_quarter();
        let price = VectorPrice { predicted, lambda_sad: Lambda(512), ..free(&table) };
        let found = search_integer(&scene.target(price), &[], IntegerSettings::default());
        assert_eq!((found.vector.x, found.cost - found.sad), (3, 2));
    }

    #[test]
    fn vectors_that_cannot_be_coded_are_never_chosen() {
        let table = MvCost::default();
        let vector = FullPel::new(-8, 0);
        let scene = Scene::shifted(vector.to_quarter());
        let predicted = QuarterPel::new(MvCost::MAX - 4, 0);
        let price = VectorPrice { predicted, ..free(&table) };
        let starts = [FullPel::ZERO, vector];
        let found = search_integer(&scene.target(price), &starts, IntegerSettings::default());
        assert!(found.vector.x >= -1, "{found:?}");
    }
}
