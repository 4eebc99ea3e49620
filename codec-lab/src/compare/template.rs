//! Commands with placeholders: `vpxenc --target-bitrate={kbps} -o {out} {in}`.

use codec_media::failure::{Failure, Result};

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The name of a placeholder.
    Place(String),
}

/// A command that runs without a shell: arguments with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    arguments: Vec<Vec<Piece>>,
    /// The extension of the output, if the template specifies it: `{out:mkv}`.
    pub(super) extension: Option<String>,
}

impl Template {
    /// Splits `text` like a shell and finds the placeholders, which must be in `known`. `{{` and
    /// `}}` are literal braces.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Self> {
        let refused = |why: String| Failure::usage(format!("invalid command `{text}`: {why}"));
        let words = shlex::split(text)
            .filter(|words| !words.is_empty())
            .ok_or_else(|| refused("unclosed quote, or empty".to_owned()))?;
        let mut template = Self { arguments: Vec::new(), extension: None };
        for word in words {
            let pieces = template.pieces(&word, known).map_err(refused)?;
            template.arguments.push(pieces);
        }
        Ok(template)
    }

    fn pieces(&mut self, word: &str, known: &[&str]) -> std::result::Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = word;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let inside = (brace == "{").then(|| after.split_once('}')).flatten();
            let (name, after) = inside.ok_or_else(|| format!("unbalanced {brace} in `{word}`"))?;
            let name = match name.split_once(':') {
                Some(("out", extension)) if extension.chars().all(char::is_alphanumeric) => {
                    self.extension = Some(extension.to_owned());
                    "out"
                }
                _ => name,
            };
            if !known.contains(&name) {
                return Err(format!(
                    "unknown placeholder {{{name}}}, expected one of {}",
                    known.join(", ")
                ));
            }
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Place(name.to_owned()));
            rest = after;
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        Ok(pieces)
    }

    /// Whether the template contains the placeholder.
    pub(super) fn has(&self, name: &str) -> bool {
        let is_it = |piece: &Piece| matches!(piece, Piece::Place(place) if place == name);
        self.arguments.iter().flatten().any(is_it)
    }

    /// The program.
    pub(super) fn program(&self) -> String {
        self.fill_first().unwrap_or_default()
    }

    fn fill_first(&self) -> Option<String> {
        let first = self.arguments.first()?;
        Some(
            first
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Text(text) => Some(text.as_str()),
                    Piece::Place(_) => None,
                })
                .collect(),
        )
    }

    /// Returns the arguments with every placeholder replaced by its `value`.
    pub(super) fn fill(&self, value: impl Fn(&str) -> String) -> Vec<String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(name) => value(name),
        };
        self.arguments.iter().map(|pieces| pieces.iter().map(piece).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["in", "out", "kbps"];

    #[test]
    fn placeholders_are_replaced_and_quoted_spaces_kept() {
        let text = "enc --rate={kbps}k 'a b' -o {out:mkv} {{}} {in}";
        let template = Template::parse(text, KNOWN).unwrap();
        assert_eq!(template.extension.as_deref(), Some("mkv"));
        assert!(template.has("kbps") && !template.has("speed"));
        let filled = template.fill(|name| format!("<{name} x>"));
        assert_eq!(filled, ["enc", "--rate=<kbps x>k", "a b", "-o", "<out x>", "{}", "<in x>"]);
    }

    #[test]
    fn invalid_templates_are_rejected() {
        for wrong in ["enc {speed}", "enc {in", "enc in}", "enc 'a", "", "enc {out:../x}"] {
            assert!(Template::parse(wrong, KNOWN).is_err(), "{wrong}");
        }
    }
}
