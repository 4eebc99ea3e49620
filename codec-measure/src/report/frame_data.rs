//! The metric values of all frames for the script of the report page, in a compact form of limited
//! size.

use serde_json::{Value, json};

use super::extras::{FrameValues, ReportExtras};
use crate::results::Results;

/// Values in the page, of all points and metrics together: about 2 MB of text.
const MAX_VALUES: usize = 500_000;

/// How the values of all points are written.
#[derive(Debug)]
pub(super) struct FrameData<'a> {
    extras: &'a ReportExtras,
    /// Number of frames for each written value. The value is the worst of these frames.
    group: usize,
    /// For each metric, the factor of the whole numbers that are written, and whether higher is better.
    metrics: Vec<(f64, bool)>,
}

impl<'a> FrameData<'a> {
    pub(super) fn new(results: &Results, extras: &'a ReportExtras) -> Self {
        let known = || extras.frames.iter().flatten();
        let values = || known().flat_map(|point| &point.metrics);
        let count: usize = values().map(Vec::len).sum();
        let scale = |metric: usize| {
            let columns = known().filter_map(|point| point.metrics.get(metric));
            let highest =
                columns.flatten().fold(0.0_f64, |highest, value| highest.max(value.abs()));
            if highest < 2.0 { 10_000.0 } else { 100.0 }
        };
        let metrics = results.metrics.iter().enumerate();
        Self {
            extras,
            group: count.div_ceil(MAX_VALUES).max(1),
            metrics: metrics.map(|(at, metric)| (scale(at), metric.higher_is_better)).collect(),
        }
    }

    /// Data that all points share.
    pub(super) fn common(&self) -> Value {
        let scales = self.metrics.iter().map(|(scale, _)| scale);
        json!({ "group": self.group, "scales": scales.collect::<Vec<_>>() })
    }

    /// The values of a point by its index in the results: for each metric, differences of whole numbers, `null` for a
    /// value that is not a number; then the groups that have a frozen frame.
    pub(super) fn point(&self, index: usize) -> Option<Value> {
        let values: &FrameValues = self.extras.frames.get(index)?.as_ref()?;
        let columns = values.metrics.iter().zip(&self.metrics);
        let columns = columns.map(|(column, metric)| self.column(column, *metric));
        let frozen = values.frozen.chunks(self.group).enumerate();
        let frozen = frozen.filter(|(_, group)| group.contains(&true)).map(|(at, _)| at);
        Some(json!({
            "values": columns.collect::<Vec<_>>(),
            "frozen": frozen.collect::<Vec<_>>(),
        }))
    }

    fn column(&self, values: &[f64], (scale, higher_is_better): (f64, bool)) -> Vec<Value> {
        let mut before = 0;
        let worst = |group: &[f64]| {
            let finite = group.iter().copied().filter(|value| value.is_finite());
            finite.reduce(if higher_is_better { f64::min } else { f64::max })
        };
        let written = values.chunks(self.group).map(|group| {
            let Some(value) = worst(group) else { return Value::Null };
            let value = whole(value * scale);
            let step = value - before;
            before = value;
            json!(step)
        });
        written.collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "limited to what 32 bits hold")]
fn whole(value: f64) -> i64 {
    value.round().clamp(-2e9, 2e9) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Metric;

    fn study(higher_is_better: bool) -> Results {
        let metric = Metric { higher_is_better, ..Metric::default() };
        Results { metrics: vec![metric], ..Results::default() }
    }

    fn extras(values: Vec<f64>) -> ReportExtras {
        let frozen = (0..values.len()).map(|frame| frame == 1).collect();
        let frames = vec![None, Some(FrameValues { metrics: vec![values], frozen })];
        ReportExtras { frames, ..ReportExtras::default() }
    }

    #[test]
    fn values_are_written_as_differences() {
        let extras = extras(vec![40.0, 40.25, f64::INFINITY, 39.0]);
        let results = study(true);
        let data = FrameData::new(&results, &extras);
        assert_eq!(data.common(), json!({ "group": 1, "scales": [100.0] }));
        assert_eq!(data.point(0), None);
        let wanted = json!({ "values": [[4000, 25, null, -125]], "frozen": [1] });
        assert_eq!(data.point(1), Some(wanted));
        assert_eq!(data.point(2), None);
    }

    #[test]
    fn a_long_study_has_the_worst_frame_of_each_group() {
        for (higher_is_better, wanted) in [(true, [0, 2, 2]), (false, [1, 2, 2])] {
            let values =
                (0..MAX_VALUES + 2).map(|frame| f64::from(u32::try_from(frame).unwrap_or(0)));
            let extras = extras(values.collect());
            let results = study(higher_is_better);
            let data = FrameData::new(&results, &extras);
            assert_eq!(data.common()["group"], 2);
            let column = &data.point(1).unwrap()["values"][0];
            assert_eq!(column.as_array().unwrap().len(), MAX_VALUES / 2 + 1);
            for (at, wanted) in wanted.into_iter().enumerate() {
                assert_eq!(column[at], json!(wanted * 100), "{higher_is_better} {at}");
            }
        }
    }
}
