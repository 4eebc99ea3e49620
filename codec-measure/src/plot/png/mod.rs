//! Plots as PNG. The renderer supports only what the plots of this crate use and rejects everything
//! else, because a complete SVG renderer takes longer to compile than the rest of the command `codec`.
//! Text uses the built-in `DejaVu` fonts, so it looks the same on every machine; it runs from left to
//! right, with one glyph per character.

mod fonts;
mod path;

use std::fmt;

use roxmltree::{Document, Node};
use tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

use fonts::Fonts;

/// Renders the plots of this crate. Creating one reads the fonts; reuse it for all plots.
#[derive(Debug)]
pub struct Renderer {
    fonts: Fonts,
}

/// A plot could not be rendered.
#[derive(Debug)]
#[non_exhaustive]
pub enum PngError {
    /// The document is not XML.
    Xml(roxmltree::Error),
    /// The document uses an element or attribute that no plot of this crate does.
    Svg(String),
    /// The image has no pixels, or more than 2^28.
    Size,
    /// The image could not be encoded.
    Encode(Box<dyn std::error::Error + Send + Sync>),
    /// The built-in fonts could not be read.
    Fonts,
}

impl Renderer {
    /// Reads the fonts.
    ///
    /// # Errors
    /// If the fonts cannot be read, which is a defect of the build.
    pub fn new() -> Result<Self, PngError> {
        Ok(Self { fonts: Fonts::new().ok_or(PngError::Fonts)? })
    }

    /// Renders the plot `svg` at `scale` times its size: 2 for print.
    ///
    /// # Errors
    /// If it is not a plot of this crate, or has no pixels or too many.
    pub fn png(&self, svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
        let document = Document::parse(svg).map_err(PngError::Xml)?;
        let root = document.root_element();
        let size = [number(root, "width")? * scale, number(root, "height")? * scale];
        if !size.iter().all(|side| (1.0..65_536.0).contains(side)) || size[0] * size[1] > 2.7e8 {
            return Err(PngError::Size);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 65536"
        )]
        let [width, height] = size.map(|side| side.ceil() as u32);
        let mut pixmap = Pixmap::new(width, height).ok_or(PngError::Size)?;
        pixmap.fill(Color::WHITE);
        let mut canvas = Canvas { pixmap, fonts: &self.fonts, scale };
        for node in root.children().filter(Node::is_element) {
            canvas.element(node)?;
        }
        canvas.pixmap.encode_png().map_err(|error| PngError::Encode(error.into()))
    }
}

struct Canvas<'a> {
    pixmap: Pixmap,
    fonts: &'a Fonts,
    scale: f32,
}

impl Canvas<'_> {
    fn element(&mut self, node: Node<'_, '_>) -> Result<(), PngError> {
        match node.tag_name().name() {
            "g" => {
                node.children().filter(Node::is_element).try_for_each(|child| self.element(child))
            }
            "title" => Ok(()),
            "rect" => {
                let at = |name| number_or(node, name, 0.0);
                let rect = Rect::from_xywh(
                    at("x")?,
                    at("y")?,
                    number(node, "width")?,
                    number(node, "height")?,
                );
                if let (Some(rect), Some(fill)) = (rect, paint(node, "fill")?) {
                    let shape = PathBuilder::from_rect(rect);
                    self.fill(&shape, &fill, Transform::identity());
                }
                Ok(())
            }
            "path" => self.path(node),
            "text" => self.text(node),
            other => Err(PngError::Svg(format!("unsupported element {other}"))),
        }
    }

    fn path(&mut self, node: Node<'_, '_>) -> Result<(), PngError> {
        let d = node.attribute("d").unwrap_or_default();
        let shape = path::parse(d).ok_or_else(|| PngError::Svg(format!("unsupported path {d}")))?;
        let place = match node.attribute("transform") {
            None => Transform::identity(),
            Some(text) => translation(text)
                .ok_or_else(|| PngError::Svg(format!("unsupported transform {text}")))?,
        };
        let Some(shape) = shape else { return Ok(()) };
        if let Some(fill) = paint(node, "fill")? {
            self.fill(&shape, &fill, place);
        }
        if let Some(ink) = paint(node, "stroke")? {
            let stroke = stroke(node)?;
            self.stroke(&shape, &ink, &stroke, place);
        }
        Ok(())
    }

    fn text(&mut self, node: Node<'_, '_>) -> Result<(), PngError> {
        let text: String = node.children().filter_map(|child| child.text()).collect();
        let bold = node.attribute("font-weight").is_some();
        let size = number(node, "font-size")?;
        let (glyphs, width) = self.fonts.outline(&text, size, bold);
        let Some(glyphs) = glyphs else { return Ok(()) };
        let back = match node.attribute("text-anchor") {
            Some("middle") => width / 2.0,
            Some("end") => width,
            _ => 0.0,
        };
        let place = Transform::from_translate(number(node, "x")? - back, number(node, "y")?);
        if let Some(halo) = paint(node, "stroke")? {
            let stroke = stroke(node)?;
            self.stroke(&glyphs, &halo, &stroke, place);
        }
        if let Some(fill) = paint(node, "fill")? {
            self.fill(&glyphs, &fill, place);
        }
        Ok(())
    }

    fn fill(&mut self, shape: &Path, paint: &Paint<'_>, place: Transform) {
        let place = place.post_scale(self.scale, self.scale);
        self.pixmap.fill_path(shape, paint, FillRule::Winding, place, None);
    }

    fn stroke(&mut self, shape: &Path, paint: &Paint<'_>, stroke: &Stroke, place: Transform) {
        let place = place.post_scale(self.scale, self.scale);
        self.pixmap.stroke_path(shape, paint, stroke, place, None);
    }
}

fn stroke(node: Node<'_, '_>) -> Result<Stroke, PngError> {
    let mut stroke = Stroke { width: number_or(node, "stroke-width", 1.0)?, ..Stroke::default() };
    if node.attribute("stroke-linejoin") == Some("round") {
        stroke.line_join = LineJoin::Round;
    }
    if let Some(dashes) = node.attribute("stroke-dasharray") {
        let lengths = dashes.split(' ').filter_map(|length| length.parse().ok()).collect();
        stroke.dash = StrokeDash::new(lengths, 0.0);
    }
    Ok(stroke)
}

/// Returns a colour; `None` for the value `none` and for a missing attribute.
fn paint(node: Node<'_, '_>, name: &str) -> Result<Option<Paint<'static>>, PngError> {
    let Some(text) = node.attribute(name).filter(|text| *text != "none") else { return Ok(None) };
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
    let Some(rgb) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
        return Err(PngError::Svg(format!("unsupported colour {text}")));
    };
    let [_, red, green, blue] = rgb.to_be_bytes();
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 255);
    Ok(Some(paint))
}

fn translation(text: &str) -> Option<Transform> {
    let (x, y) = text.strip_prefix("translate(")?.strip_suffix(')')?.split_once(' ')?;
    Some(Transform::from_translate(x.parse().ok()?, y.parse().ok()?))
}

fn number(node: Node<'_, '_>, name: &str) -> Result<f32, PngError> {
    number_or(node, name, f32::NAN).and_then(|value| {
        if value.is_finite() { Ok(value) } else { Err(PngError::Svg(format!("no {name}"))) }
    })
}

fn number_or(node: Node<'_, '_>, name: &str, other: f32) -> Result<f32, PngError> {
    let Some(text) = node.attribute(name) else { return Ok(other) };
    text.parse()
        .map_err(|_| PngError::Svg(format!("invalid {name}: expected a number, got {text}")))
}

impl fmt::Display for PngError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml(error) => write!(f, "invalid plot: {error}"),
            Self::Svg(reason) => write!(f, "invalid plot: {reason}"),
            Self::Size => f.write_str("invalid plot: its size is 0 or too large"),
            Self::Encode(reason) => write!(f, "cannot encode the plot as PNG: {reason}"),
            Self::Fonts => f.write_str("cannot read the built-in fonts"),
        }
    }
}

impl std::error::Error for PngError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Xml(error) => Some(error),
            Self::Encode(error) => Some(error.as_ref()),
            Self::Svg(_) | Self::Size | Self::Fonts => None,
        }
    }
}
