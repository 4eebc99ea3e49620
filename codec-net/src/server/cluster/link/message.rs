//! Messages on a link between two nodes: a byte for the kind, then the content.
//!
//! | kind | content |
//! |---|---|
//! | 0 | an RTP packet of a source |
//! | 1 | as 0, sent again: 2 bytes with the number of the message that was lost, the message |
//! | 2 | ping: 8 bytes, which the pong repeats |
//! | 3 | pong |
//! | 4, 5 | SSRCs of 4 bytes that the sender subscribes to (4) and unsubscribes from (5) |
//! | 6 | the SSRC of which the sender needs a key frame |
//! | 7 | numbers of 2 bytes: messages that the sender of this one has not received |

/// Maximum number of entries of a message.
pub(super) const MAX_ENTRIES: usize = 256;
/// Maximum number of bytes of a packet.
pub(super) const MAX_PACKET_BYTES: usize = 1600;

/// See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Message {
    Media(Vec<u8>),
    Again(u16, Box<Self>),
    Ping(u64),
    Pong(u64),
    Want(Vec<u32>),
    Unwant(Vec<u32>),
    KeyFrame(u32),
    Missing(Vec<u16>),
}

impl Message {
    /// Appends the message.
    pub(in super::super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Media(packet) => write_media(packet, out),
            Self::Again(number, message) => {
                out.push(1);
                out.extend(number.to_be_bytes());
                message.write(out);
            }
            Self::Ping(time) => {
                out.push(2);
                out.extend(time.to_be_bytes());
            }
            Self::Pong(time) => {
                out.push(3);
                out.extend(time.to_be_bytes());
            }
            Self::Want(ssrcs) => write_ssrcs(4, ssrcs, out),
            Self::Unwant(ssrcs) => write_ssrcs(5, ssrcs, out),
            Self::KeyFrame(ssrc) => write_ssrcs(6, &[*ssrc], out),
            Self::Missing(numbers) => {
                out.push(7);
                out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
            }
        }
    }

    /// Parses a message; `None` if it is not valid.
    pub(in super::super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, content) = bytes.split_first()?;
        match kind {
            0 if content.len() <= MAX_PACKET_BYTES => Some(Self::Media(content.to_vec())),
            1 => {
                let (number, message) = content.split_first_chunk()?;
                let message = Self::parse(message)?;
                let is_plain = !matches!(message, Self::Again(..));
                is_plain.then(|| Self::Again(u16::from_be_bytes(*number), Box::new(message)))
            }
            2 => Some(Self::Ping(u64::from_be_bytes(content.try_into().ok()?))),
            3 => Some(Self::Pong(u64::from_be_bytes(content.try_into().ok()?))),
            4 => Some(Self::Want(ssrcs(content)?)),
            5 => Some(Self::Unwant(ssrcs(content)?)),
            6 => Some(Self::KeyFrame(u32::from_be_bytes(content.try_into().ok()?))),
            7 => {
                let (numbers, rest) = content.as_chunks();
                let fits = rest.is_empty() && numbers.len() <= MAX_ENTRIES;
                fits.then(|| {
                    Self::Missing(numbers.iter().map(|it| u16::from_be_bytes(*it)).collect())
                })
            }
            _ => None,
        }
    }
}

/// Appends a message with an RTP packet.
pub(super) fn write_media(packet: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(packet);
}

fn write_ssrcs(kind: u8, ssrcs: &[u32], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(ssrcs.iter().flat_map(|ssrc| ssrc.to_be_bytes()));
}

fn ssrcs(content: &[u8]) -> Option<Vec<u32>> {
    let (ssrcs, rest) = content.as_chunks();
    let fits = rest.is_empty() && ssrcs.len() <= MAX_ENTRIES;
    fits.then(|| ssrcs.iter().map(|it| u32::from_be_bytes(*it)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        bytes
    }

    #[test]
    fn messages_survive_a_round_trip() {
        for message in [
            Message::Media(vec![1, 2, 3]),
            Message::Again(77, Box::new(Message::Media(vec![9]))),
            Message::Ping(u64::MAX),
            Message::Pong(5),
            Message::Want(vec![1, u32::MAX]),
            Message::Unwant(Vec::new()),
            Message::KeyFrame(7),
            Message::Missing(vec![65_535, 0]),
        ] {
            assert_eq!(Message::parse(&written(&message)), Some(message));
        }
    }

    #[test]
    fn damaged_messages_are_rejected() {
        let again = Message::Again(1, Box::new(Message::Again(2, Box::new(Message::Ping(1)))));
        let long = Message::Want(vec![1; MAX_ENTRIES + 1]);
        let large = Message::Media(vec![0; MAX_PACKET_BYTES + 1]);
        for wrong in [
            &[][..],
            &[8],
            &[2, 0],
            &[4, 0, 0, 0],
            &[6],
            &[7, 1],
            &[1, 0],
            &written(&again),
            &written(&long),
            &written(&large),
        ] {
            assert_eq!(Message::parse(wrong), None, "{wrong:?}");
        }
    }
}
