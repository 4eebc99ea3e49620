//! How things look: colours that the colour-blind tell apart, markers and dashes for those who see
//! none, and the two themes.

use crate::results::Results;

/// Where a plot is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// A file of its own on white paper.
    #[default]
    Light,
    /// Inside a page whose style sheet gives the colours as `--ink`, `--soft`, `--grid`, `--paper`
    /// and `--s0` to `--s7`.
    Page,
}

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Titles, axes.
    Text,
    /// Labels of ticks.
    Soft,
    /// Grid lines.
    Grid,
    /// What lies behind.
    Paper,
    /// One of [`SERIES`].
    Series(usize),
}

/// Colours of arms on white; the first, for the anchor, is neutral.
pub(crate) const SERIES: [&str; 8] =
    ["#4a4f57", "#0067a5", "#c8500a", "#00795a", "#a8407f", "#8a6500", "#1f8fbf", "#7a4a2b"];

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

/// How one arm is drawn, everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Index of the colour and of the marker.
    pub(crate) index: usize,
    /// Beyond eight arms colours come again with other dashes.
    pub(crate) round: usize,
    /// Index of the arm in the study; `None` for what is no arm's.
    pub(crate) arm: Option<usize>,
}

impl Style {
    /// The anchor is 0; the others follow in the study's order.
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

    /// A line that is no arm's: neutral and dotted.
    pub(crate) const ASIDE: Self = Self { index: 0, round: 2, arm: None };

    /// What begins an element that a page shows or hides with the arm: ` data-arm="2"`.
    pub(crate) fn attribute(self) -> String {
        self.arm.map_or_else(String::new, |arm| format!(" data-arm=\"{arm}\""))
    }

    /// Value of `stroke-dasharray`; empty for a whole line.
    pub(crate) fn dashes(self) -> &'static str {
        DASHES[self.round % DASHES.len()]
    }

    /// The outline of the marker round the origin, 8 units across.
    pub(crate) fn marker(self) -> &'static str {
        MARKERS[self.index % MARKERS.len()]
    }
}

/// Outlines round the origin: circle, square, triangle, diamond, and so on.
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

/// Whole, and the dashes of the rounds after the first.
pub(crate) const DASHES: [&str; 4] = ["", "6 3", "2 2", "8 3 2 3"];
