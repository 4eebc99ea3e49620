//! A pair of axes with curves: all plots except tables and bars have this form. `report/page.js`
//! draws its charts in the same style.

use super::axis::{Axis, count};
use super::style::{Ink, Style};
use super::svg::{Anchor, Font, Svg, escape, fitted, px, width};

/// Axes and the contents between them.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    pub(crate) rules: Vec<Rule>,
    /// Text in the middle if there is nothing to draw.
    pub(crate) empty: String,
}

/// A curve or a set of points.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) style: Style,
    pub(crate) shape: Shape,
    pub(crate) marks: Vec<Mark>,
}

/// How the marks of a series are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Lines with markers.
    Marked,
    /// Lines without markers.
    Line,
    /// Step lines, each from its mark to the next one's x.
    Steps,
    /// Markers with their intervals and names.
    Named,
}

/// A place in a chart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Interval ends in x and in y.
    pub(crate) spans: Option<[(f64, f64); 2]>,
    /// Tooltip text.
    pub(crate) tip: String,
}

/// A line across the whole plot.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Vertical, at this x; otherwise horizontal, at this y.
    pub(crate) upright: bool,
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// A rectangle of the plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Chart {
    /// Draws title, axes and contents into `area`.
    pub(crate) fn draw(&self, svg: &mut Svg, area: Area) {
        let inner = self.frame(svg, area);
        svg.write(format_args!("<g>"));
        for rule in &self.rules {
            self.rule(svg, inner, rule);
        }
        for series in &self.series {
            self.curve(svg, inner, series);
        }
        for (row, rule) in self.rules.iter().enumerate() {
            self.rule_label(svg, inner, rule, count(row) * 14.0);
        }
        self.names(svg, inner);
        svg.write(format_args!("</g>"));
        if self.series.iter().all(|series| series.marks.is_empty()) {
            let middle = (inner.x + inner.width / 2.0, inner.y + inner.height / 2.0);
            svg.label(middle.0, middle.1, &self.empty, Font::LABEL.at(Anchor::Middle));
        }
    }

    /// Draws grid, ticks and labels; returns the remaining area for the curves.
    fn frame(&self, svg: &mut Svg, area: Area) -> Area {
        let titled = if self.title.is_empty() { 0.0 } else { 20.0 };
        let top = area.y + titled + 18.0;
        let height = (area.height - (top - area.y) - 36.0).max(10.0);
        let y_ticks = self.y.ticks((height / 36.0).max(2.0));
        let left = y_ticks.iter().map(|(_, text)| width(text, 11.0)).fold(16.0, f64::max) + 8.0;
        let inner =
            Area { x: area.x + left, y: top, width: (area.width - left - 12.0).max(10.0), height };
        if titled > 0.0 {
            svg.label(area.x, area.y + 12.0, &fitted(&self.title, 13.0, area.width), Font::TITLE);
        }
        svg.label(area.x, top - 8.0, &self.y.label, Font::LABEL);
        for (value, text) in y_ticks {
            let Some(y) = inner.y_of(&self.y, value) else { continue };
            svg.line((inner.x, y), (inner.right(), y), Ink::Grid, 1.0);
            svg.label(inner.x - 6.0, y + 3.8, &text, Font::LABEL.at(Anchor::End));
        }
        let mut free = f64::NEG_INFINITY;
        for (value, text) in self.x.ticks((inner.width / 64.0).max(2.0)) {
            let Some(x) = inner.x_of(&self.x, value) else { continue };
            svg.line((x, inner.y), (x, inner.bottom()), Ink::Grid, 1.0);
            svg.line((x, inner.bottom()), (x, inner.bottom() + 4.0), Ink::Soft, 1.0);
            let half = width(&text, 11.0) / 2.0;
            if x - half > free {
                svg.label(x, inner.bottom() + 16.0, &text, Font::LABEL.at(Anchor::Middle));
                free = x + half + 4.0;
            }
        }
        let corner = (inner.x, inner.bottom());
        svg.line(corner, (inner.right(), inner.bottom()), Ink::Soft, 1.0);
        let middle = inner.x + inner.width / 2.0;
        svg.label(middle, inner.bottom() + 31.0, &self.x.label, Font::LABEL.at(Anchor::Middle));
        inner
    }

    fn rule(&self, svg: &mut Svg, inner: Area, rule: &Rule) {
        if rule.upright {
            if let Some(x) = inner.x_of(&self.x, rule.at).filter(|x| inner.holds_x(*x)) {
                svg.dashed((x, inner.y), (x, inner.bottom()), Ink::Text, 1.0, "4 3");
            }
        } else if let Some(y) = inner.y_of(&self.y, rule.at).filter(|y| inner.holds_y(*y)) {
            svg.dashed((inner.x, y), (inner.right(), y), Ink::Text, 1.0, "4 3");
        }
    }

    fn rule_label(&self, svg: &mut Svg, inner: Area, rule: &Rule, row: f64) {
        if rule.upright {
            let Some(x) = inner.x_of(&self.x, rule.at).filter(|x| inner.holds_x(*x)) else {
                return;
            };
            let (at, anchor) = if x + 6.0 + width(&rule.label, 11.0) > inner.right() {
                (x - 5.0, Anchor::End)
            } else {
                (x + 5.0, Anchor::Start)
            };
            svg.label(at, inner.y + 10.0 + row, &rule.label, Font::BESIDE.at(anchor));
        } else if let Some(y) = inner.y_of(&self.y, rule.at).filter(|y| inner.holds_y(*y)) {
            svg.label(inner.right(), y - 4.0, &rule.label, Font::BESIDE.at(Anchor::End));
        }
    }

    fn curve(&self, svg: &mut Svg, inner: Area, series: &Series) {
        let colour = svg.colour(Ink::Series(series.style.index));
        let paper = svg.colour(Ink::Paper);
        svg.write(format_args!("<g{}>", series.style.attribute()));
        let places: Vec<(f64, f64, &Mark)> =
            series.marks.iter().filter_map(|mark| self.place(inner, mark)).collect();
        if series.shape != Shape::Named && places.len() > 1 {
            let path = path_of(&places, series.shape == Shape::Steps);
            let dashes = match series.style.dashes() {
                "" => String::new(),
                dashes => format!(" stroke-dasharray=\"{dashes}\""),
            };
            svg.write(format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.75\" \
                 stroke-linejoin=\"round\"{dashes}/>"
            ));
        }
        for (x, y, mark) in &places {
            if let Some([across, up]) = mark.spans {
                let ends = [across.0, across.1].map(|end| inner.x_of(&self.x, end).unwrap_or(*x));
                let x_of = |x: f64| x.clamp(inner.x, inner.right());
                svg.line(
                    (x_of(ends[0]), *y),
                    (x_of(ends[1]), *y),
                    Ink::Series(series.style.index),
                    1.0,
                );
                let ends = [up.0, up.1].map(|end| inner.y_of(&self.y, end).unwrap_or(*y));
                let y_of = |y: f64| y.clamp(inner.y, inner.bottom());
                svg.line(
                    (*x, y_of(ends[0])),
                    (*x, y_of(ends[1])),
                    Ink::Series(series.style.index),
                    1.0,
                );
            }
        }
        let middles: Vec<(f64, f64, &Mark)>;
        let marked: Vec<&(f64, f64, &Mark)> = match series.shape {
            Shape::Marked | Shape::Named => places.iter().collect(),
            Shape::Line | Shape::Steps if series.style.arm.is_none() => Vec::new(),
            Shape::Line => sparse(&places, series.style.index),
            Shape::Steps => {
                // On a level part, not at its end.
                middles = places
                    .windows(2)
                    .map(|ends| (f64::midpoint(ends[0].0, ends[1].0), ends[0].1, ends[0].2))
                    .collect();
                sparse(&middles, series.style.index)
            }
        };
        if !marked.is_empty() {
            for (x, y, mark) in marked {
                let title = match mark.tip.as_str() {
                    "" => String::new(),
                    tip => format!("<title>{}</title>", escape(tip)),
                };
                svg.write(format_args!(
                    "<path d=\"{}\" transform=\"translate({} {})\" fill=\"{colour}\" \
                     stroke=\"{paper}\">{title}</path>",
                    series.style.marker(),
                    px(*x),
                    px(*y)
                ));
            }
        }
        svg.write(format_args!("</g>"));
    }

    /// Draws names near the marks of [`Shape::Named`] series, at the least crowded positions.
    fn names(&self, svg: &mut Svg, inner: Area) {
        let named = || self.series.iter().filter(|series| series.shape == Shape::Named);
        let mut taken: Vec<Area> = named()
            .flat_map(|series| &series.marks)
            .filter_map(|mark| self.place(inner, mark))
            .map(|(x, y, _)| Area { x: x - 5.0, y: y - 5.0, width: 10.0, height: 10.0 })
            .collect();
        for series in self.series.iter().filter(|series| series.shape == Shape::Line) {
            let places: Vec<_> =
                series.marks.iter().filter_map(|mark| self.place(inner, mark)).collect();
            taken.extend(places.windows(2).flat_map(|ends| along(&ends[0], &ends[1])));
        }
        for series in named() {
            for (x, y, _) in series.marks.iter().filter_map(|mark| self.place(inner, mark)) {
                let text = fitted(&series.name, 11.0, inner.width * 0.45);
                let size = (width(&text, 11.0), 12.0);
                let places = [
                    (x + 8.0, y - 17.0),
                    (x + 8.0, y + 5.0),
                    (x - 8.0 - size.0, y - 17.0),
                    (x - 8.0 - size.0, y + 5.0),
                    (x - size.0 / 2.0, y - 24.0),
                    (x - size.0 / 2.0, y + 12.0),
                    (x + 9.0, y - 28.0),
                    (x + 9.0, y + 20.0),
                    (x - 9.0 - size.0, y - 28.0),
                    (x - 9.0 - size.0, y + 20.0),
                ]
                .map(|(x, y)| Area { x, y, width: size.0, height: size.1 });
                let cost = |place: &Area| {
                    count(taken.iter().filter(|other| place.meets(other)).count())
                        + if inner.contains(place) { 0.0 } else { 10.0 }
                };
                let best = places
                    .iter()
                    .copied()
                    .reduce(|best, next| if cost(&next) < cost(&best) { next } else { best });
                let Some(best) = best else { continue };
                taken.push(best);
                let ink = Ink::Series(series.style.index);
                svg.write(format_args!("<g{}>", series.style.attribute()));
                svg.label(best.x, best.y + 10.0, &text, Font { ink, ..Font::BESIDE });
                svg.write(format_args!("</g>"));
            }
        }
    }

    fn place<'a>(&self, inner: Area, mark: &'a Mark) -> Option<(f64, f64, &'a Mark)> {
        let x = inner.x_of(&self.x, mark.x)?.clamp(inner.x, inner.right());
        let y = inner.y_of(&self.y, mark.y)?.clamp(inner.y, inner.bottom());
        Some((x, y, mark))
    }
}

impl Area {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    fn x_of(&self, axis: &Axis, value: f64) -> Option<f64> {
        axis.place(value).map(|at| self.x + at * self.width)
    }

    fn y_of(&self, axis: &Axis, value: f64) -> Option<f64> {
        axis.place(value).map(|at| self.y + (1.0 - at) * self.height)
    }

    fn holds_x(&self, x: f64) -> bool {
        x >= self.x && x <= self.right()
    }

    fn holds_y(&self, y: f64) -> bool {
        y >= self.y && y <= self.bottom()
    }

    fn meets(&self, other: &Self) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    fn contains(&self, other: &Self) -> bool {
        other.x >= self.x
            && other.right() <= self.right() + 8.0
            && other.y >= self.y
            && other.bottom() <= self.bottom()
    }
}

/// Places a marker about every 110 pixels, away from the markers of other curves: markers distinguish
/// lines without colour.
fn sparse<'a, 'b>(
    places: &'a [(f64, f64, &'b Mark)],
    index: usize,
) -> Vec<&'a (f64, f64, &'b Mark)> {
    let mut next = places.first().map_or(0.0, |first| first.0) + 20.0 + 23.0 * count(index % 4);
    let mut before = None;
    let mut chosen = Vec::new();
    for place in places {
        let far = before.is_none_or(|(x, y): (f64, f64)| (place.0 - x).hypot(place.1 - y) > 80.0);
        if place.0 >= next || (far && before.is_some()) {
            chosen.push(place);
            before = Some((place.0, place.1));
            next = place.0 + 110.0;
        }
    }
    chosen
}

/// Small areas on the line between two points.
fn along(from: &(f64, f64, &Mark), to: &(f64, f64, &Mark)) -> Vec<Area> {
    let (across, down) = (to.0 - from.0, to.1 - from.1);
    let steps = across.hypot(down) / 8.0;
    let at = |step: i32| Area {
        x: from.0 + across * f64::from(step) / steps,
        y: from.1 + down * f64::from(step) / steps,
        width: 1.0,
        height: 1.0,
    };
    (1..300).take_while(|step| f64::from(*step) < steps).map(at).collect()
}

fn path_of(places: &[(f64, f64, &Mark)], steps: bool) -> String {
    let mut path = String::new();
    for (index, (x, y, _)) in places.iter().enumerate() {
        let (x, y) = (px(*x), px(*y));
        if index == 0 {
            path.push_str(&["M", &x, " ", &y].concat());
        } else if steps {
            path.push_str(&["H", &x, "V", &y].concat());
        } else {
            path.push_str(&["L", &x, " ", &y].concat());
        }
    }
    path
}

/// Draws names with their lines and markers in rows at `(x, y)`; returns their height.
pub(crate) fn legend(svg: &mut Svg, entries: &[(String, Style)], x: f64, y: f64, room: f64) -> f64 {
    let (mut at, mut row) = (0.0, 0.0);
    for (name, style) in entries {
        let name = fitted(name, 11.0, room - 40.0);
        let wide = 28.0 + width(&name, 11.0) + 16.0;
        if at > 0.0 && at + wide > room {
            (at, row) = (0.0, row + 18.0);
        }
        let middle = y + row + 8.0;
        let colour = Ink::Series(style.index);
        svg.write(format_args!("<g{}>", style.attribute()));
        svg.dashed((x + at, middle), (x + at + 22.0, middle), colour, 1.75, style.dashes());
        let (fill, paper) = (svg.colour(colour), svg.colour(Ink::Paper));
        svg.write(format_args!(
            "<path d=\"{}\" transform=\"translate({} {})\" fill=\"{fill}\" stroke=\"{paper}\"/>",
            style.marker(),
            px(x + at + 11.0),
            px(middle)
        ));
        svg.label(x + at + 28.0, middle + 3.8, &name, Font::NAME);
        svg.write(format_args!("</g>"));
        at += wide;
    }
    row + 22.0
}
