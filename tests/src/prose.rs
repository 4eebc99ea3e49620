//! The prose of the repository: comments and messages of Rust sources, text of Markdown. A test
//! uses it to count words that plain technical English avoids.

use std::iter::Peekable;
use std::str::CharIndices;

/// Where a piece of prose comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `//` comments; lines that follow each other are one piece.
    Comment,
    /// `///` and `//!` comments; lines that follow each other are one piece.
    Doc,
    /// A string literal with at least one space.
    Message,
}

/// A piece of prose and the line that it begins on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it comes from.
    pub kind: Kind,
    /// Its first line.
    pub line: usize,
    /// Its text, without comment markers.
    pub text: String,
}

/// Returns the prose of a Rust source up to its unit tests (`#[cfg(test)]` before `mod`).
#[must_use]
pub fn of_rust(source: &str) -> Vec<Piece> {
    let end = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    let source = source.get(..end).unwrap_or(source);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut line = 1;
    let mut chars = source.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let rest = source.get(at..).unwrap_or_default();
        match c {
            '\n' => line += 1,
            '/' if rest.starts_with("//") => {
                let text = rest.lines().next().unwrap_or_default();
                skip_to_line_end(&mut chars);
                comment(&mut pieces, line, text);
            }
            '"' => {
                let begun = line;
                let text = literal(&mut chars, &mut line);
                if text.contains(' ') {
                    pieces.push(Piece { kind: Kind::Message, line: begun, text });
                }
            }
            'r' if rest.starts_with("r\"") || rest.starts_with("r#\"") => {
                let close = if rest.starts_with("r#") { "\"#" } else { "\"" };
                let body = rest.get(close.len() + 1..).unwrap_or_default();
                let text = body.split(close).next().unwrap_or_default();
                let length = text.chars().count() + 2 * close.len();
                for _ in 0..length {
                    chars.next();
                }
                if text.contains(' ') {
                    pieces.push(Piece { kind: Kind::Message, line, text: text.to_owned() });
                }
                line += text.matches('\n').count();
            }
            // A character, not a lifetime.
            '\'' if rest.starts_with("'\"'") || rest.starts_with("'\\") => {
                chars.next();
                if rest.starts_with("'\\") {
                    chars.next();
                }
                while chars.next_if(|(_, c)| *c != '\'').is_some() {}
                chars.next();
            }
            _ => {}
        }
    }
    pieces
}

fn skip_to_line_end(chars: &mut Peekable<CharIndices<'_>>) {
    while chars.next_if(|(_, c)| *c != '\n').is_some() {}
}

/// Appends a comment line, to the piece before if that ends on the line before.
fn comment(pieces: &mut Vec<Piece>, line: usize, text: &str) {
    let kind =
        if text.starts_with("///") || text.starts_with("//!") { Kind::Doc } else { Kind::Comment };
    let text = text.trim_start_matches(['/', '!']).trim();
    if let Some(last) = pieces.last_mut() {
        let ends = last.line + last.text.matches('\n').count();
        if last.kind == kind && ends + 1 == line {
            last.text.push('\n');
            last.text.push_str(text);
            return;
        }
    }
    pieces.push(Piece { kind, line, text: text.to_owned() });
}

/// Reads a string literal whose opening quote has been read.
fn literal(chars: &mut Peekable<CharIndices<'_>>, line: &mut usize) -> String {
    let mut text = String::new();
    while let Some((_, c)) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                // The literal goes on at the next line's first character.
                Some((_, '\n')) => {
                    *line += 1;
                    while chars.next_if(|(_, c)| *c == ' ').is_some() {}
                }
                Some((_, 'n' | 't' | 'r')) => text.push(' '),
                Some((_, other)) => text.push(other),
                None => break,
            },
            '\n' => {
                *line += 1;
                text.push('\n');
            }
            other => text.push(other),
        }
    }
    text
}

/// Returns the text of a Markdown document outside of code blocks, one piece per paragraph.
#[must_use]
pub fn of_markdown(source: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut in_code = false;
    let mut is_open = false;
    for (number, text) in source.lines().enumerate() {
        let is_fence = text.trim_start().starts_with("```");
        in_code ^= is_fence;
        if in_code || is_fence || text.trim().is_empty() {
            is_open = false;
            continue;
        }
        match pieces.last_mut().filter(|_| is_open) {
            Some(last) => {
                last.text.push('\n');
                last.text.push_str(text);
            }
            None => {
                pieces.push(Piece { kind: Kind::Doc, line: number + 1, text: text.to_owned() });
            }
        }
        is_open = true;
    }
    pieces
}

/// Splits prose into lower-case words. Code between backticks, placeholders and options count as words of
/// no meaning; the end of a sentence stands as an empty word, so that no phrase reaches across it.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            words.push("`".to_owned());
            continue;
        }
        for token in part.split_whitespace() {
            // A placeholder of a format string, or an option.
            if token.starts_with(['{', '-']) {
                words.push("{}".to_owned());
                continue;
            }
            let ends = token.ends_with(['.', ';', ':', '!', '?']);
            let word = token.trim_matches(|c: char| !c.is_alphanumeric());
            if !word.is_empty() {
                words.push(word.to_lowercase());
            }
            if ends {
                words.push(String::new());
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_messages_are_found_and_code_is_not() {
        let source = "//! Opens a file.\n//! Closes it.\n\nfn f(c: &'a str) { // why\n    \
                      let x = '\"'; print(\"two words\"); print(\"one\");\n    /// Doc.\n    \
                      let y = \"over \\\n        lines\"; r#\"raw \"text\"\"#;\n}\n\
                      #[cfg(test)]\nmod tests {\n// not this\n}\n";
        let found: Vec<_> =
            of_rust(source).into_iter().map(|piece| (piece.kind, piece.line, piece.text)).collect();
        let expected = [
            (Kind::Doc, 1, "Opens a file.\nCloses it."),
            (Kind::Comment, 4, "why"),
            (Kind::Message, 5, "two words"),
            (Kind::Doc, 6, "Doc."),
            (Kind::Message, 7, "over lines"),
            (Kind::Message, 8, "raw \"text\""),
        ];
        assert_eq!(found, expected.map(|(kind, line, text)| (kind, line, text.to_owned())));
    }

    #[test]
    fn code_blocks_of_markdown_are_not_prose() {
        let found = of_markdown("# Title\n\nOne\ntwo.\n\n```sh\ncodec what is\n```\nThree\n");
        let texts: Vec<_> = found.iter().map(|piece| (piece.line, piece.text.as_str())).collect();
        assert_eq!(texts, [(1, "# Title"), (3, "One\ntwo."), (9, "Three")]);
    }

    #[test]
    fn words_are_lower_case_and_sentences_have_ends() {
        assert_eq!(words("The `a b` file. What"), ["the", "`", "file", "", "what"]);
    }
}
