//! Parsers of values that occur in several kinds of lines.

use super::Connection;
use super::error::Problem;

/// Whether a character is not allowed in text; tabs are.
pub(super) fn is_control(char: char) -> bool {
    char.is_control() && char != '\t'
}

/// Parses `IN IP4 address[/ttl]`.
pub(super) fn parse_connection(value: &str) -> Result<Connection, Problem> {
    let wrong = || Problem::invalid("connection address", value);
    let mut words = value.split_ascii_whitespace();
    let (Some("IN"), Some("IP4" | "IP6"), Some(address)) =
        (words.next(), words.next(), words.next())
    else {
        return Err(wrong());
    };
    let mut parts = address.split('/');
    let address = parts.next().filter(|address| !address.is_empty()).ok_or_else(wrong)?;
    let ttl = parts.next().map(str::parse).transpose().map_err(|_| wrong())?;
    Ok(Connection { address: address.into(), ttl })
}

/// Parses a payload type, 0..=127.
pub(super) fn parse_payload_type(text: &str) -> Result<u8, Problem> {
    let number = text.parse().ok().filter(|&number| number <= 127);
    number.ok_or_else(|| Problem::invalid("payload type, expected 0 to 127", text))
}
