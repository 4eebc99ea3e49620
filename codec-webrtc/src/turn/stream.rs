//! Splits the byte stream from a server over TCP or TLS into messages (RFC 8489, section 6.2.2; RFC 8656, section 12.5).

use std::fmt;

/// Header of a STUN message.
const STUN_HEADER_BYTES: usize = 20;
/// Header of a `ChannelData` message.
const CHANNEL_HEADER_BYTES: usize = 4;

/// Divides the byte stream from a server into messages, which are then the datagrams of a
/// [`TurnClient`](super::TurnClient). Holds at most one incomplete message, of at most 65,555 bytes, and the
/// bytes of one call of [`Self::push`].
///
/// ```
/// use codec_webrtc::turn::StreamReader;
///
/// let mut reader = StreamReader::default();
/// reader.push(&[0x40, 0, 0, 2, b'h']); // data of channel 0x4000, not complete yet
/// assert_eq!(reader.next_message()?, None);
/// reader.push(&[b'i', 0, 0]); // padded to a multiple of four bytes
/// assert_eq!(reader.next_message()?.as_deref(), Some(&[0x40, 0, 0, 2, b'h', b'i'][..]));
/// # Ok::<(), codec_webrtc::turn::NotTurn>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StreamReader {
    bytes: Vec<u8>,
    /// Number of bytes that were returned.
    taken: usize,
}

/// The byte stream does not come from a TURN server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTurn {
    /// The first byte of the supposed message.
    pub first_byte: u8,
}

impl fmt::Display for NotTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server does not speak TURN: a message begins with byte {:#04x}",
            self.first_byte
        )
    }
}

impl std::error::Error for NotTurn {}

impl StreamReader {
    /// Adds received bytes. Then call [`Self::next_message`] until it returns `None`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next complete message, without padding.
    ///
    /// # Errors
    /// Returns [`NotTurn`] if the stream has no further messages.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, NotTurn> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let &[first_byte, _, high, low, ..] = rest else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let message = match first_byte {
            0..=0x3f => STUN_HEADER_BYTES + length,
            0x40..=0x4f => CHANNEL_HEADER_BYTES + length,
            _ => return Err(NotTurn { first_byte }),
        };
        let padded = message.next_multiple_of(4);
        let Some(bytes) = rest.get(..padded) else { return Ok(None) };
        let found = bytes.get(..message).unwrap_or_default().to_vec();
        self.taken += padded;
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_in_pieces_of_any_size() {
        let mut stun = vec![0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42];
        stun.resize(24, 7);
        let channel = |length: u8| {
            let mut bytes = vec![0x40, 3, 0, length];
            bytes.resize(4 + usize::from(length), length);
            bytes
        };
        let messages = [stun, channel(0), channel(1), channel(4), channel(6), channel(255)];
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend(message);
            stream.resize(stream.len().next_multiple_of(4), 0);
        }
        for size in 1..stream.len() {
            let mut reader = StreamReader::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                reader.push(piece);
                while let Some(message) = reader.next_message().unwrap() {
                    found.push(message);
                }
                assert!(reader.bytes.len() <= stream.len());
            }
            assert_eq!(found, messages, "{size}");
        }
    }

    #[test]
    fn other_protocols_are_errors() {
        let mut reader = StreamReader::default();
        reader.push(b"HTTP/1.1 400");
        let mut channel = StreamReader::default();
        assert_eq!(channel.next_message(), Ok(None));
        channel.push(&[0x80, 0, 0]);
        assert_eq!(channel.next_message(), Ok(None));
        // ASCII letters are channel numbers: 20,565 bytes must follow.
        assert_eq!(reader.next_message(), Ok(None));
        channel.push(&[0]);
        let error = channel.next_message().unwrap_err();
        assert_eq!(error, NotTurn { first_byte: 0x80 });
        assert!(error.to_string().contains("0x80"));
    }
}
