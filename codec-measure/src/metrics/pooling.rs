//! How metrics combine the values of frames.

/// How a metric combines the values of frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pooling {
    /// Whether higher is better.
    pub higher_is_better: bool,
    /// For a metric whose mean is computed from errors instead of decibels: the decibels of a factor of ten.
    pub decibels_per_decade: Option<f64>,
}
