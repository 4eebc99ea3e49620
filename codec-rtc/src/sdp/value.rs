//! Values that lines of several kinds have.

use super::Connection;
use super::error::Problem;

/// Characters that no text may have; tabs may be.
pub(super) fn is_control(char: char) -> bool {
    char.is_control() && char != '\t'
}

/// `IN IP4 address[/ttl]`.
pub(super) fn parse_connection(value: &str) -> Result<Connection, Problem> {
    let wrong = || Problem::wrong("the connection's address", value);
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

/// 0..=127.
pub(super) fn parse_payload_type(text: &str) -> Result<u8, Problem> {
    let number = text.parse().ok().filter(|&number| number <= 127);
    number.ok_or_else(|| Problem::wrong("a payload type of 0 to 127", text))
}
