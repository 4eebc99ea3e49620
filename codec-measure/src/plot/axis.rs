//! Axis scales with ticks at round numbers.

/// Mapping of values to an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Linear.
    #[default]
    Linear,
    /// Logarithmic; values above 0 only.
    Log,
}

/// The axis of one side of a plot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Axis {
    /// Creates an axis that includes all of `values`.
    pub(crate) fn over(
        label: impl Into<String>,
        scale: Scale,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let shown = |value: &f64| value.is_finite() && (scale == Scale::Linear || *value > 0.0);
        let (mut low, mut high) = values
            .into_iter()
            .filter(shown)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        match scale {
            Scale::Linear => {
                let room =
                    if high > low { 0.06 * (high - low) } else { 0.05 * high.abs().max(1.0) };
                low -= room;
                high += room;
            }
            Scale::Log => {
                let room = if high > low { (high / low).powf(0.06) } else { 1.5 };
                low /= room;
                high *= room;
            }
        }
        Self { label: label.into(), scale, low, high }
    }

    /// Makes the axis begin at 0.
    pub(crate) fn with_zero(mut self) -> Self {
        self.low = 0.0;
        self.high = self.high.max(f64::MIN_POSITIVE);
        self
    }

    /// Returns the position of `value`: 0 at the low end, 1 at the high end; `None` if it is
    /// undefined.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let at = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        at.is_finite().then_some(at)
    }

    /// Returns round values inside the axis, about `wanted` of them, with their texts.
    pub(crate) fn ticks(&self, wanted: f64) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => self.linear_ticks(wanted),
            Scale::Log => self.log_ticks(wanted),
        }
    }

    fn linear_ticks(&self, wanted: f64) -> Vec<(f64, String)> {
        let step = nice_step((self.high - self.low) / wanted.max(1.0));
        let first = (self.low / step - 1e-9).ceil();
        let decimals = decimals_of(step);
        (0..100)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|value| *value <= self.high + step * 1e-9)
            .map(|value| (value, number(value, decimals)))
            .collect()
    }

    fn log_ticks(&self, wanted: f64) -> Vec<(f64, String)> {
        const STEPS: [&[f64]; 4] = [
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
            &[1.0, 2.0, 5.0],
            &[1.0],
        ];
        let at = |steps: &[f64]| -> Vec<f64> {
            (-12..=15)
                .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
                .filter(|value| {
                    *value >= self.low * (1.0 - 1e-9) && *value <= self.high * (1.0 + 1e-9)
                })
                .collect()
        };
        let fits = |values: &Vec<f64>| count(values.len()) <= wanted.max(2.0) + 1.0;
        let values = STEPS.iter().map(|steps| at(steps)).find(fits).unwrap_or_else(|| at(&[1.0]));
        if values.len() < 2 {
            return self.linear_ticks(wanted);
        }
        values.into_iter().map(|value| (value, number(value, decimals_of(value)))).collect()
    }
}

/// The nearest of 1, 2, 5 times a power of ten.
fn nice_step(raw: f64) -> f64 {
    let raw = if raw.is_finite() && raw > 0.0 { raw } else { 1.0 };
    let power = 10_f64.powf(raw.log10().floor());
    let step = match raw / power {
        size if size < 1.5 => 1.0,
        size if size < 3.5 => 2.0,
        size if size < 7.5 => 5.0,
        _ => 10.0,
    };
    step * power
}

/// Decimals that `value` needs, at most 6.
fn decimals_of(value: f64) -> usize {
    (0..6)
        .zip([1.0, 1e1, 1e2, 1e3, 1e4, 1e5])
        .find(|(_, scale)| {
            let scaled = value * scale;
            scaled.abs() > 0.5 && (scaled - scaled.round()).abs() < 1e-6 * scaled.abs()
        })
        .map_or(6, |(decimals, _)| decimals)
}

/// Formats `value` with this many decimals and a minus sign as wide as a plus sign.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().any(|digit| ('1'..='9').contains(&digit)) => {
            format!("\u{2212}{digits}")
        }
        Some(digits) => digits.to_owned(),
        None => text,
    }
}

/// As [`number`], with a plus sign.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    let is_zero = !text.chars().any(|digit| ('1'..='9').contains(&digit));
    if value > 0.0 && !is_zero { format!("+{text}") } else { text }
}

/// About three significant digits, for figures of any magnitude.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    number(value, decimals)
}

/// Converts a count to a floating-point number.
pub(crate) fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale, low: f64, high: f64) -> Vec<String> {
        let axis = Axis { label: String::new(), scale, low, high };
        axis.ticks(5.0).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers_inside_the_axis() {
        assert_eq!(texts(Scale::Linear, 31.2, 42.9), ["32", "34", "36", "38", "40", "42"]);
        assert_eq!(
            texts(Scale::Linear, -0.03, 0.021),
            ["\u{2212}0.03", "\u{2212}0.02", "\u{2212}0.01", "0.00", "0.01", "0.02"]
        );
        assert_eq!(texts(Scale::Log, 180.0, 1750.0), ["200", "300", "500", "700", "1000", "1500"]);
        assert_eq!(texts(Scale::Log, 0.05, 60.0), ["0.1", "1", "10"]);
    }

    #[test]
    fn an_axis_without_values_or_with_one_still_has_a_length() {
        for values in [vec![], vec![3.0], vec![f64::NAN], vec![0.0, -1.0]] {
            for scale in [Scale::Linear, Scale::Log] {
                let axis = Axis::over("", scale, values.clone());
                assert!(axis.low < axis.high);
                assert!(axis.ticks(5.0).len() > 1, "{axis:?}");
            }
        }
    }

    #[test]
    fn signs_are_typographic_and_zero_has_none() {
        assert_eq!(signed(-1.25, 1), "\u{2212}1.2");
        assert_eq!(signed(3.0, 1), "+3.0");
        assert_eq!(signed(-0.01, 1), "0.0");
        assert_eq!(signed(0.01, 1), "0.0");
    }
}
