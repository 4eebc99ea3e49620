//! SVG text: escaping, numbers, strings and their approximate widths.

use std::fmt::Write as _;

use super::style::{Ink, Theme};

/// A font family with about the same widths on all systems.
pub(crate) const FONT: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// An SVG document or fragment that is being written.
#[derive(Debug)]
pub(crate) struct Svg {
    pub(crate) theme: Theme,
    pub(crate) text: String,
}

/// Which side of a text is at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Style of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Font {
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) ink: Ink,
    pub(crate) anchor: Anchor,
    /// Draws an outline in the background colour behind the text.
    pub(crate) halo: bool,
}

impl Font {
    pub(crate) const LABEL: Self =
        Self { size: 11.0, bold: false, ink: Ink::Soft, anchor: Anchor::Start, halo: false };
    pub(crate) const NAME: Self =
        Self { size: 11.0, bold: false, ink: Ink::Text, anchor: Anchor::Start, halo: false };
    pub(crate) const TITLE: Self =
        Self { size: 13.0, bold: true, ink: Ink::Text, anchor: Anchor::Start, halo: false };

    pub(crate) const BESIDE: Self = Self { halo: true, ..Self::NAME };

    pub(crate) fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

impl Svg {
    pub(crate) fn new(theme: Theme) -> Self {
        Self { theme, text: String::new() }
    }

    /// Wraps the contents into a document of `width` by `height` pixels; `title` is for screen
    /// readers.
    pub(crate) fn document(self, title: &str, width: f64, height: f64) -> String {
        let (w, h) = (px(width), px(height));
        let title = escape(title);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" \
             height=\"{h}\" role=\"img\" aria-label=\"{title}\" font-family=\"{FONT}\">"
        );
        if self.theme == Theme::Light {
            let paper = self.theme.colour(Ink::Paper);
            let _ = write!(out, "<rect width=\"{w}\" height=\"{h}\" fill=\"{paper}\"/>");
        }
        out.push_str(&self.text);
        out.push_str("</svg>\n");
        out
    }

    pub(crate) fn write(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(text);
    }

    pub(crate) fn colour(&self, ink: Ink) -> &'static str {
        self.theme.colour(ink)
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        self.dashed(from, to, ink, width, "");
    }

    pub(crate) fn dashed(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        ink: Ink,
        width: f64,
        dashes: &str,
    ) {
        let stroke = self.colour(ink);
        let dashes = if dashes.is_empty() {
            String::new()
        } else {
            format!(" stroke-dasharray=\"{dashes}\"")
        };
        self.write(format_args!(
            "<path d=\"M{} {}L{} {}\" stroke=\"{stroke}\" stroke-width=\"{}\" fill=\"none\"{dashes}/>",
            px(from.0),
            px(from.1),
            px(to.0),
            px(to.1),
            px(width)
        ));
    }

    pub(crate) fn label(&mut self, x: f64, y: f64, text: &str, font: Font) {
        let anchor = match font.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.bold { " font-weight=\"600\"" } else { "" };
        let fill = self.colour(font.ink);
        let halo = match (font.halo, self.colour(Ink::Paper)) {
            (false, _) => String::new(),
            (true, paper) => format!(
                " stroke=\"{paper}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            ),
        };
        self.write(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{fill}\"{anchor}{weight}{halo}>{}</text>",
            px(x),
            px(y),
            px(font.size),
            escape(text)
        ));
    }
}

/// A coordinate with at most two decimals.
pub(crate) fn px(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Escapes `text` for content or attributes of XML and HTML. Characters that XML forbids become
/// U+FFFD.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push('\u{fffd}');
            }
            // Bidirectional control characters, which could reorder adjacent text.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Approximate width of `text` at `size` pixels, with a tendency to overestimate.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let em: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' ' => 0.33,
            'f' | 't' | 'r' | 'I' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
            'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.97,
            'A'..='Z' | '+' | '<' | '>' | '=' | '~' => 0.78,
            c if c.is_ascii() => 0.63,
            '\u{2212}' | '–' | '±' | '×' => 0.8,
            c if c > '\u{2e7f}' => 1.05,
            _ => 0.66,
        })
        .sum();
    em * size
}

/// Wraps `text` at spaces into at most `most` lines of `room` pixels and truncates the rest.
pub(crate) fn wrapped(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_last = lines.len() >= most;
        match lines.last_mut() {
            Some(line) if is_last || width(&format!("{line} {word}"), size) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted(line, size, room)).collect()
}

/// Truncates `text` to `room` pixels, with an ellipsis if something was cut.
pub(crate) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept, size) + size > room {
            break;
        }
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_broken_at_spaces_and_fit() {
        assert_eq!(wrapped("SSIM", 11.0, 100.0, 3), ["SSIM"]);
        let lines = wrapped("PSNR of all samples, global", 11.0, 100.0, 3);
        assert_eq!(lines, ["PSNR of all", "samples, global"]);
        let lines = wrapped("a very long heading that cannot possibly fit in there", 11.0, 60.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| width(line, 11.0) <= 60.0 + 11.0), "{lines:?}");
        assert!(lines[1].ends_with('…'), "{lines:?}");
    }
}
