//! Bjøntegaard differences between rate-distortion curves: BD-rate and BD-metric, interpolated by
//! PCHIP, as ISO/IEC TR 23002-8 specifies, or by Akima splines.

use std::fmt;

/// Interpolation between two points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Monotone cubics (Fritsch and Carlson).
    #[default]
    Pchip,
    /// Akima's cubics of 1970, which follow local trends.
    Akima,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// Kilobits per second, above 0.
    pub kbps: f64,
    /// Value of a metric for which higher is better.
    pub quality: f64,
}

/// Why the difference of two curves is undefined.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum BdError {
    /// The curve of the anchor is invalid.
    Anchor(CurveError),
    /// The curve of the test is invalid.
    Test(CurveError),
    /// The curves do not overlap: one ends before the other begins.
    NoOverlap {
        /// Whether the anchor's range is the lower one.
        anchor_is_lower: bool,
        /// End of the lower range.
        ends: f64,
        /// Beginning of the upper range.
        begins: f64,
    },
}

/// Why a curve has no difference from any other. Points with equal bitrate and quality count once.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CurveError {
    /// A curve needs two different points.
    TooFewPoints(usize),
    /// Points must be numbers, and bitrates above 0.
    NotANumber,
    /// Two points have equal quality (BD-rate) or bitrate (BD-metric): this value.
    SamePlace(f64),
    /// Quality falls as the bitrate rises to this bitrate.
    NotMonotone(f64),
}

impl BdError {
    /// Describes the error with the names of both curves.
    #[must_use]
    pub fn named(&self, anchor: &str, test: &str) -> String {
        match *self {
            Self::Anchor(error) => format!("curve of {anchor}: {error}"),
            Self::Test(error) => format!("curve of {test}: {error}"),
            Self::NoOverlap { anchor_is_lower, ends, begins } => {
                let (lower, upper) = if anchor_is_lower { (anchor, test) } else { (test, anchor) };
                format!(
                    "the curves do not overlap: {lower} ends at {ends:.3}, {upper} begins at {begins:.3}"
                )
            }
        }
    }
}

impl fmt::Display for BdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named("anchor", "test"))
    }
}

impl std::error::Error for BdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Anchor(error) | Self::Test(error) => Some(error),
            Self::NoOverlap { .. } => None,
        }
    }
}

impl fmt::Display for CurveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewPoints(count) => {
                write!(f, "too few points: got {count}, expected at least 2")
            }
            Self::NotANumber => f.write_str(
                "invalid point: quality and bitrate must be finite, and the bitrate above 0",
            ),
            Self::SamePlace(at) => {
                write!(f, "two points have the same quality or bitrate ({at:.3})")
            }
            Self::NotMonotone(kbps) => {
                write!(f, "quality falls as the bitrate rises to {kbps:.1} kb/s")
            }
        }
    }
}

impl std::error::Error for CurveError {}

/// A difference and the range that it covers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// BD-rate in percent (below 0: the test needs fewer bits), or BD-metric in units of the metric
    /// (above 0: the test is better).
    pub value: f64,
    /// Beginning of the common range: of quality for a BD-rate, of kb/s for a BD-metric.
    pub from: f64,
    /// End of the common range.
    pub to: f64,
    /// The common range divided by the range that the two curves cover together, 0 to 1; for
    /// bitrates computed from logarithms.
    pub overlap: f64,
}

/// Returns the bitrate change of `test` relative to `anchor` at equal quality in percent (BD-rate),
/// averaged over the quality range that both curves cover.
///
/// # Errors
/// If a curve is invalid, or their quality ranges do not overlap.
pub fn bd_rate(
    anchor: &[RatePoint],
    test: &[RatePoint],
    interpolation: Interpolation,
) -> Result<Difference, BdError> {
    let curve = |points| Curve::new(points, |point| (point.quality, point.kbps.log10()));
    let [anchor, test] = both(curve(anchor), curve(test))?;
    let gap = mean_gap(&anchor, &test, interpolation)?;
    Ok(Difference { value: (10_f64.powf(gap.value) - 1.0) * 100.0, ..gap })
}

/// Returns the quality gain of `test` over `anchor` at equal bitrate (BD-metric), averaged over the
/// logarithm of the bitrates that both curves cover.
///
/// # Errors
/// If a curve is invalid, or their bitrate ranges do not overlap.
pub fn bd_metric(
    anchor: &[RatePoint],
    test: &[RatePoint],
    interpolation: Interpolation,
) -> Result<Difference, BdError> {
    let curve = |points| Curve::new(points, |point| (point.kbps.log10(), point.quality));
    let linear = |found: Result<Curve, CurveError>| {
        found.map_err(|error| match error {
            CurveError::SamePlace(at) => CurveError::SamePlace(10_f64.powf(at)),
            other => other,
        })
    };
    let [anchor, test] = both(linear(curve(anchor)), linear(curve(test)))?;
    let gap = mean_gap(&anchor, &test, interpolation).map_err(|error| match error {
        BdError::NoOverlap { anchor_is_lower, ends, begins } => {
            let (ends, begins) = (10_f64.powf(ends), 10_f64.powf(begins));
            BdError::NoOverlap { anchor_is_lower, ends, begins }
        }
        other => other,
    })?;
    Ok(Difference { from: 10_f64.powf(gap.from), to: 10_f64.powf(gap.to), ..gap })
}

/// Both curves, or the error of one of them.
fn both(
    anchor: Result<Curve, CurveError>,
    test: Result<Curve, CurveError>,
) -> Result<[Curve; 2], BdError> {
    Ok([anchor.map_err(BdError::Anchor)?, test.map_err(BdError::Test)?])
}

/// Mean of `test` minus `anchor` over the shared range of x.
fn mean_gap(
    anchor: &Curve,
    test: &Curve,
    interpolation: Interpolation,
) -> Result<Difference, BdError> {
    let ((a_from, a_to), (b_from, b_to)) = (anchor.range(), test.range());
    let (from, to) = (a_from.max(b_from), a_to.min(b_to));
    if from >= to {
        let anchor_is_lower = a_to <= b_to;
        return Err(BdError::NoOverlap { anchor_is_lower, ends: to, begins: from });
    }
    let gap = test.integral(from, to, interpolation) - anchor.integral(from, to, interpolation);
    let joint = a_to.max(b_to) - a_from.min(b_from);
    Ok(Difference { value: gap / (to - from), from, to, overlap: (to - from) / joint })
}

/// Points by ascending x, with their secants.
struct Curve {
    x: Vec<f64>,
    y: Vec<f64>,
    secants: Vec<f64>,
}

impl Curve {
    fn new(
        points: &[RatePoint],
        place: impl Fn(&RatePoint) -> (f64, f64),
    ) -> Result<Self, CurveError> {
        if !points
            .iter()
            .all(|point| point.quality.is_finite() && point.kbps.is_finite() && point.kbps > 0.0)
        {
            return Err(CurveError::NotANumber);
        }
        let mut by_rate = points.to_vec();
        by_rate.sort_by(|a, b| {
            a.kbps.total_cmp(&b.kbps).then_with(|| a.quality.total_cmp(&b.quality))
        });
        // An encoder that has reached its best or its smallest result writes the same stream for several targets.
        by_rate.dedup();
        if by_rate.len() < 2 {
            return Err(CurveError::TooFewPoints(by_rate.len()));
        }
        if let Some(pair) = by_rate.windows(2).find(|pair| pair[1].quality < pair[0].quality) {
            return Err(CurveError::NotMonotone(pair[1].kbps));
        }
        let (x, y): (Vec<f64>, Vec<f64>) = by_rate.iter().map(place).unzip();
        if let Some(pair) = x.windows(2).find(|pair| pair[1] <= pair[0]) {
            return Err(CurveError::SamePlace(pair[0]));
        }
        let rises = y.windows(2).map(|y| y[1] - y[0]);
        let secants = rises.zip(x.windows(2)).map(|(rise, x)| rise / (x[1] - x[0])).collect();
        Ok(Self { x, y, secants })
    }

    fn range(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    fn slopes(&self, interpolation: Interpolation) -> Vec<f64> {
        if let [only] = self.secants[..] {
            return vec![only; 2];
        }
        match interpolation {
            Interpolation::Pchip => self.pchip_slopes(),
            Interpolation::Akima => self.akima_slopes(),
        }
    }

    /// Returns the weighted harmonic means of the secants on both sides of each point, 0 at an
    /// extremum. At the ends it uses three-point formulas, limited so that the curve does not
    /// overshoot.
    fn pchip_slopes(&self) -> Vec<f64> {
        let widths: Vec<f64> = self.x.windows(2).map(|x| x[1] - x[0]).collect();
        let (h, d) = (&widths, &self.secants);
        let end = |h0: f64, h1: f64, d0: f64, d1: f64| {
            let slope = ((2.0 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
            if slope * d0 <= 0.0 {
                0.0
            } else if d0 * d1 < 0.0 && slope.abs() > 3.0 * d0.abs() {
                3.0 * d0
            } else {
                slope
            }
        };
        let last = d.len() - 1;
        let mut slopes = vec![end(h[0], h[1], d[0], d[1])];
        for i in 1..=last {
            let (w1, w2) = (2.0 * h[i] + h[i - 1], h[i] + 2.0 * h[i - 1]);
            let same_way = d[i - 1] * d[i] > 0.0;
            slopes.push(if same_way { (w1 + w2) / (w1 / d[i - 1] + w2 / d[i]) } else { 0.0 });
        }
        slopes.push(end(h[last], h[last - 1], d[last], d[last - 1]));
        slopes
    }

    /// Returns the slope at each point: the mean of the two adjacent secants, in which each is
    /// weighted by the difference of the two secants on the other side. At each end, two additional
    /// secants are extrapolated.
    fn akima_slopes(&self) -> Vec<f64> {
        let d = &self.secants;
        let last = d.len() - 1;
        let (before, after) = (2.0 * d[0] - d[1], 2.0 * d[last] - d[last - 1]);
        let mut all = vec![2.0 * before - d[0], before];
        all.extend(d);
        all.extend([after, 2.0 * after - d[last]]);
        let weights: Vec<(f64, f64)> =
            all.windows(4).map(|s| ((s[3] - s[2]).abs(), (s[1] - s[0]).abs())).collect();
        let most = weights.iter().map(|(left, right)| left + right).fold(1e-300, f64::max);
        let blend = |((left, right), s): (&(f64, f64), &[f64])| {
            if left + right <= 1e-9 * most {
                f64::midpoint(s[1], s[2])
            } else {
                (left * s[1] + right * s[2]) / (left + right)
            }
        };
        weights.iter().zip(all.windows(4)).map(blend).collect()
    }

    /// The exact integral of the cubics from `from` to `to`.
    fn integral(&self, from: f64, to: f64, interpolation: Interpolation) -> f64 {
        let slopes = self.slopes(interpolation);
        let mut total = 0.0;
        for i in 0..self.secants.len() {
            let (low, high) = (from.max(self.x[i]), to.min(self.x[i + 1]));
            if low >= high {
                continue;
            }
            let (h, d) = (self.x[i + 1] - self.x[i], self.secants[i]);
            let square = (3.0 * d - 2.0 * slopes[i] - slopes[i + 1]) / h;
            let cube = (slopes[i] + slopes[i + 1] - 2.0 * d) / (h * h);
            let antiderivative = |t: f64| {
                t * (self.y[i] + t * (slopes[i] / 2.0 + t * (square / 3.0 + t * cube / 4.0)))
            };
            total += antiderivative(high - self.x[i]) - antiderivative(low - self.x[i]);
        }
        total
    }
}

#[cfg(test)]
mod tests;
