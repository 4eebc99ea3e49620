//! Parser of `Link` headers (RFC 8288, section 3).

use super::error::LinkError;

/// Maximum length of a header value.
pub(super) const MAX_VALUE_BYTES: usize = 4096;
/// Maximum number of parameters of a link.
pub(super) const MAX_PARAMETERS: usize = 16;

/// A link with its parameters, by lower-case name.
pub(super) struct Link<'a> {
    pub(super) target: &'a str,
    parameters: Vec<(String, String)>,
}

impl Link<'_> {
    /// The value of a parameter. The first one of a name counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(super) fn is_for(&self, relation: &str) -> bool {
        let mut relations = self.get("rel").unwrap_or_default().split_ascii_whitespace();
        relations.any(|known| known.eq_ignore_ascii_case(relation))
    }
}

/// Parses links one after the other (RFC 8288, section 3).
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of a header value if it is valid text.
    pub(super) fn new(value: &'a [u8]) -> Result<Self, LinkError> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(LinkError::TooLong { bytes: value.len(), limit: MAX_VALUE_BYTES });
        }
        let is_sent = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
        let text = std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_sent));
        Ok(Self { text: text.ok_or(LinkError::Character)?, at: 0 })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self) -> LinkError {
        LinkError::Malformed(self.at)
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// Consumes `letter` if it comes next; returns whether it does.
    fn take(&mut self, letter: char) -> bool {
        let is_next = self.rest().starts_with(letter);
        self.at += if is_next { letter.len_utf8() } else { 0 };
        is_next
    }

    /// Consumes all following characters of this kind.
    fn take_while(&mut self, is_it: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !is_it(letter)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Returns the next link.
    pub(super) fn next(&mut self) -> Result<Option<Link<'a>>, LinkError> {
        self.take_while(|letter| matches!(letter, ' ' | '\t' | ','));
        if self.rest().is_empty() {
            return Ok(None);
        }
        if !self.take('<') {
            return Err(self.malformed());
        }
        let target = self.take_while(|letter| letter != '>');
        if !self.take('>') {
            return Err(self.malformed());
        }
        let mut parameters = Vec::new();
        loop {
            self.space();
            if self.rest().is_empty() || self.take(',') {
                return Ok(Some(Link { target, parameters }));
            }
            if !self.take(';') || parameters.len() >= MAX_PARAMETERS {
                return Err(self.malformed());
            }
            self.space();
            // An empty parameter, as after the last one.
            if self.rest().is_empty() || self.rest().starts_with([';', ',']) {
                continue;
            }
            parameters.push(self.parameter()?);
        }
    }

    fn parameter(&mut self) -> Result<(String, String), LinkError> {
        let name = self.take_while(is_token).to_ascii_lowercase();
        if name.is_empty() {
            return Err(self.malformed());
        }
        self.space();
        if !self.take('=') {
            return Ok((name, String::new()));
        }
        self.space();
        let value = if self.take('"') {
            self.quoted()?
        } else {
            // More permissive than tokens, because some servers send credentials without quotes.
            self.take_while(|letter| !matches!(letter, ';' | ',' | '"' | ' ' | '\t')).to_owned()
        };
        Ok((name, value))
    }

    /// Parses the rest of a quoted string.
    fn quoted(&mut self) -> Result<String, LinkError> {
        let mut value = String::new();
        let mut letters = self.rest().char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => match letters.next() {
                    Some((_, letter)) => value.push(letter),
                    None => break,
                },
                letter => value.push(letter),
            }
        }
        Err(self.malformed())
    }
}

/// A token character of RFC 9110, section 5.6.2.
fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter)
}
