//! How the values of frames are combined into one value of a clip, for each metric.

/// How a metric combines the values of frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pooling {
    /// Whether higher is better.
    pub higher_is_better: bool,
    /// Decibels per factor of ten in the error; `None` for a metric whose values are averaged directly. If
    /// set, the mean is computed from the errors and converted back to decibels.
    pub decibels_per_decade: Option<f64>,
}
