//! Refinement of an integer vector: tries half-sample vectors around it, then quarter-sample
//! vectors around the best one.

use codec_core::motion::{FullPel, MvCost, QuarterPel, Target};

use super::planes::{Placed, SearchPlanes};
use super::{Measure, Part};

/// Precision of vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Only measures the integer vector.
    Integer,
    /// Half samples.
    Half,
    /// Half samples, then quarter samples.
    #[default]
    Quarter,
}

/// Neighbours that a step compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ring {
    /// The four direct neighbours, then the diagonal one between the better two.
    #[default]
    Cross,
    /// All eight neighbours.
    Full,
}

/// Settings of [`refine`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefineSettings {
    /// Distortion that is compared.
    pub measure: Measure,
    /// Precision of the result.
    pub precision: Precision,
    /// Neighbours in each step.
    pub ring: Ring,
    /// If the cost of the integer vector is at most this, the search returns that vector.
    pub stop_at: u32,
}

/// Result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refined {
    /// Integer vector that the half samples were interpolated around.
    pub start: FullPel,
    /// Vector in quarter samples. Its whole part is in the search range, or up to one sample left of
    /// or above it.
    pub vector: QuarterPel,
    /// [`RefineSettings::measure`] of the prediction at the vector.
    pub distortion: u32,
    /// `distortion` plus the bits of the vector, priced by `lambda_sad`; `u32::MAX` if no tried
    /// vector can be coded.
    pub cost: u32,
}

/// Refines `start`, a full-sample vector, for `part` of the macroblock of `target`. Of equal costs
/// the earlier one wins, so that the result does not depend on anything else than the arguments.
pub fn refine(
    target: &Target<'_>,
    part: Part,
    start: FullPel,
    settings: RefineSettings,
    planes: &mut SearchPlanes,
) -> Refined {
    let start = target.range.clamp(start);
    let placed = Placed::new(target, part, start, settings.measure);
    let vector = start.to_quarter();
    let distortion = placed.distortion();
    let cost = distortion.saturating_add(price(target, vector));
    let best = Refined { start, vector, distortion, cost };
    if settings.precision == Precision::Integer || cost <= settings.stop_at {
        return best;
    }
    placed.interpolate(planes);
    let mut search = Search { target, placed, planes, origin: vector, best, at: (0, 0) };
    search.step(2, settings.ring);
    if settings.precision == Precision::Quarter {
        search.step(1, settings.ring);
    }
    search.best
}

/// The cost of the bits of `vector`; `u32::MAX` if it cannot be coded.
#[inline]
fn price(target: &Target<'_>, vector: QuarterPel) -> u32 {
    match target.price.table.bits_q8(vector, target.price.predicted) {
        MvCost::UNCODABLE => u32::MAX,
        bits => target.price.lambda_sad.cost(bits),
    }
}

/// State of a refinement.
struct Search<'a> {
    target: &'a Target<'a>,
    placed: Placed<'a>,
    planes: &'a SearchPlanes,
    origin: QuarterPel,
    best: Refined,
    /// Offset of the best vector from the origin, in quarters.
    at: (i8, i8),
}

impl Search<'_> {
    /// Compares the neighbours of the best vector at a distance of `by` quarters.
    fn step(&mut self, by: i8, ring: Ring) {
        let (x, y) = self.at;
        match ring {
            Ring::Cross => {
                let [left, right, above, below] = if by == 2 {
                    let [a, b, c, d] = self.placed.distortions_beside(self.planes);
                    [
                        self.take(-2, 0, a),
                        self.take(2, 0, b),
                        self.take(0, -2, c),
                        self.take(0, 2, d),
                    ]
                } else {
                    let [left, right] = [self.try_at(x - by, y), self.try_at(x + by, y)];
                    [left, right, self.try_at(x, y - by), self.try_at(x, y + by)]
                };
                let dx = if left < right { -by } else { by };
                let dy = if above < below { -by } else { by };
                self.try_at(x + dx, y + dy);
            }
            Ring::Full => {
                for (dx, dy) in NEIGHBOURS {
                    self.try_better(x + by * dx, y + by * dy);
                }
            }
        }
    }

    /// Returns the cost at an offset from the origin, and takes the vector if it is the best.
    #[inline]
    fn try_at(&mut self, dx: i8, dy: i8) -> u32 {
        let distortion = self.placed.distortion_at(self.planes, dx, dy);
        self.take(dx, dy, distortion)
    }

    /// As [`Self::try_at`], without the cost of vectors whose distortion alone is too high.
    #[inline]
    fn try_better(&mut self, dx: i8, dy: i8) {
        let distortion = self.placed.distortion_at(self.planes, dx, dy);
        if distortion < self.best.cost {
            self.take(dx, dy, distortion);
        }
    }

    #[inline]
    fn take(&mut self, dx: i8, dy: i8, distortion: u32) -> u32 {
        let vector = self.origin.offset(i16::from(dx), i16::from(dy));
        let price = price(self.target, vector);
        let cost = distortion.saturating_add(price);
        if price != u32::MAX && cost < self.best.cost {
            self.best = Refined { vector, distortion, cost, ..self.best };
            self.at = (dx, dy);
        }
        cost
    }
}

const NEIGHBOURS: [(i8, i8); 8] =
    [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
