//! Styles: colours that remain distinct with colour blindness, markers and dashes as an alternative
//! to colour, and the two themes.

use crate::results::Results;

/// Where a plot is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// A standalone file on a white background.
    #[default]
    Light,
    /// Inside a page whose style sheet defines the colours as `--ink`, `--soft`, `--grid`,
    /// `--paper` and `--s0` to `--s7`.
    Page,
}

/// The purpose of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Titles, axes.
    Text,
    /// Labels of ticks.
    Soft,
    /// Grid lines.
    Grid,
    /// Background.
    Paper,
    /// One of [`SERIES`].
    Series(usize),
}

/// Colours of arms on white; the first, for the anchor, is neutral. Any two differ clearly, also
/// with each kind of colour blindness, and all contrast with the background (a test checks both);
/// the same holds for the colours of the page's dark theme in `report/page.css`.
pub(crate) const SERIES: [&str; 8] =
    ["#4a4f57", "#048664", "#ff5088", "#572294", "#9a9900", "#8762bc", "#6e2724", "#806513"];

impl Theme {
    pub(crate) fn colour(self, ink: Ink) -> &'static str {
        const PAGE: [&str; 8] = [
            "var(--s0)",
            "var(--s1)",
            "var(--s2)",
            "var(--s3)",
            "var(--s4)",
            "var(--s5)",
            "var(--s6)",
            "var(--s7)",
        ];
        match (self, ink) {
            (Self::Light, Ink::Text) => "#1b1e23",
            (Self::Light, Ink::Soft) => "#5b626d",
            (Self::Light, Ink::Grid) => "#e4e7eb",
            (Self::Light, Ink::Paper) => "#ffffff",
            (Self::Light, Ink::Series(index)) => SERIES[index % SERIES.len()],
            (Self::Page, Ink::Text) => "var(--ink)",
            (Self::Page, Ink::Soft) => "var(--soft)",
            (Self::Page, Ink::Grid) => "var(--grid)",
            (Self::Page, Ink::Paper) => "var(--paper)",
            (Self::Page, Ink::Series(index)) => PAGE[index % PAGE.len()],
        }
    }
}

/// The style of an arm in all plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Index of the colour and of the marker.
    pub(crate) index: usize,
    /// After eight arms the colours repeat with other dashes.
    pub(crate) round: usize,
    /// Index of the arm in the study; `None` if the style belongs to no arm.
    pub(crate) arm: Option<usize>,
}

impl Style {
    /// Returns the style of an arm. The anchor has index 0; the others follow in the study's order.
    pub(crate) fn of_arm(results: &Results, arm: &str) -> Self {
        let index = results.arms.iter().position(|known| known.name == arm);
        if arm == results.anchor {
            return Self { arm: index, ..Self::default() };
        }
        let others = results.arms.iter().filter(|other| other.name != results.anchor);
        let place = others.take_while(|other| other.name != arm).count();
        let colours = SERIES.len() - 1;
        Self { index: 1 + place % colours, round: place / colours, arm: index }
    }

    /// A line that belongs to no arm: neutral and dotted.
    pub(crate) const ASIDE: Self = Self { index: 0, round: 2, arm: None };

    /// Attribute of an element that a page shows or hides with the arm: ` data-arm="2"`.
    pub(crate) fn attribute(self) -> String {
        self.arm.map_or_else(String::new, |arm| format!(" data-arm=\"{arm}\""))
    }

    /// Value of `stroke-dasharray`; empty for a solid line.
    pub(crate) fn dashes(self) -> &'static str {
        DASHES[self.round % DASHES.len()]
    }

    /// Outline of the marker around the origin, 8 units across.
    pub(crate) fn marker(self) -> &'static str {
        MARKERS[self.index % MARKERS.len()]
    }
}

/// Outlines around the origin: circle, square, triangle, diamond, and so on.
pub(crate) const MARKERS: [&str; 8] = [
    "M-3.6 0C-3.6-2-2-3.6 0-3.6C2-3.6 3.6-2 3.6 0C3.6 2 2 3.6 0 3.6C-2 3.6-3.6 2-3.6 0Z",
    "M-3.2-3.2H3.2V3.2H-3.2Z",
    "M0-4.2L4 3H-4Z",
    "M0-4.5L4.2 0L0 4.5L-4.2 0Z",
    "M0 4.2L4-3H-4Z",
    "M-1.3-4H1.3V-1.3H4V1.3H1.3V4H-1.3V1.3H-4V-1.3H-1.3Z",
    "M-4.2 0L-2.1-3.7H2.1L4.2 0L2.1 3.7H-2.1Z",
    "M0-4.6L1.3-1.4L4.6-1.4L2 .7L2.9 4L0 2.1L-2.9 4L-2 .7L-4.6-1.4L-1.3-1.4Z",
];

/// Solid, then the dashes of each further set of eight arms.
pub(crate) const DASHES: [&str; 4] = ["", "6 3", "2 2", "8 3 2 3"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::difference_of_rgb;

    /// Linear red, green and blue as perceived without each kind of cone (Machado, Oliveira,
    /// Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009).
    const BLINDNESS: [(&str, [[f32; 3]; 3]); 4] = [
        ("full colour vision", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    /// Minimum CIEDE2000 difference between the colours of two arms; 2 is barely visible, 5 is
    /// visible at a glance.
    const MIN_DIFFERENCE: f32 = 13.0;
    /// Minimum contrast with the background (WCAG 2.2, 1.4.11).
    const MIN_CONTRAST: f32 = 3.0;

    /// Linear red, green and blue of `#rrggbb`.
    fn light_of(colour: &str) -> [f32; 3] {
        let part = |at: usize| u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        [part(1), part(3), part(5)].map(|value| {
            let share = f32::from(value) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// R'G'B' of linear light, as perceived with a kind of colour blindness.
    fn seen(light: [f32; 3], matrix: &[[f32; 3]; 3]) -> [f32; 3] {
        matrix.map(|row| {
            let sum: f32 = row.iter().zip(light).map(|(share, light)| share * light).sum();
            let value = sum.clamp(0.0, 1.0);
            if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
        })
    }

    fn luminance(colour: &str) -> f32 {
        let [red, green, blue] = light_of(colour);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The page's colours for a name, light and dark.
    fn of_page(name: &str) -> [String; 2] {
        let css = include_str!("../report/page.css");
        let (_, rest) = css.split_once(&format!("--{name}: light-dark(")).unwrap();
        let (pair, _) = rest.split_once(')').unwrap();
        let (light, dark) = pair.split_once(", ").unwrap();
        let whole = |colour: &str| match colour.trim_start_matches('#') {
            short if short.len() == 3 => short.chars().fold("#".to_owned(), |mut all, c| {
                all.extend([c, c]);
                all
            }),
            _ => colour.to_owned(),
        };
        [whole(light), whole(dark)]
    }

    #[test]
    fn colours_of_arms_differ_with_colour_blindness_and_contrast_with_the_background() {
        let series: Vec<[String; 2]> = (0..8).map(|index| of_page(&format!("s{index}"))).collect();
        let papers = of_page("paper");
        for theme in 0..2 {
            let colours: Vec<&str> = series.iter().map(|pair| pair[theme].as_str()).collect();
            if theme == 0 {
                assert_eq!(colours, SERIES, "the page's light theme has those of the plots");
            }
            for (index, one) in colours.iter().enumerate() {
                let (a, b) = (luminance(one) + 0.05, luminance(&papers[theme]) + 0.05);
                assert!(a.max(b) / a.min(b) >= MIN_CONTRAST, "{one} on {}", papers[theme]);
                for other in &colours[..index] {
                    for (kind, matrix) in &BLINDNESS {
                        let [a, b] = [one, other].map(|colour| seen(light_of(colour), matrix));
                        let found = difference_of_rgb(a, b);
                        assert!(
                            found >= MIN_DIFFERENCE,
                            "{one} and {other} differ by {found} with {kind}"
                        );
                    }
                }
            }
        }
    }
}
