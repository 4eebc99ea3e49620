//! Messages on a link between two nodes: a byte for the kind, then the content.
//!
//! | kind | content |
//! |---|---|
//! | 0 | an RTP packet of a source |
//! | 1 | a retransmission: the number of the lost message (2 bytes), then that message |
//! | 2 | ping: 8 bytes, which the pong repeats |
//! | 3 | pong |
//! | 4, 5 | SSRCs (4 bytes each) that the sender subscribes to (kind 4) or unsubscribes from (kind 5) |
//! | 6 | key-frame request: the SSRC of the video (4 bytes) |
//! | 7 | NACK: the numbers (2 bytes each) of messages that its sender has not received |
//! | 8 | requests parts of a file: number of the transfer (4 bytes), id of the file (16), offset (8), number of parts (2) |
//! | 9 | a part of a file: number of the transfer (4), offset (8), at most 1200 bytes |
//! | 10 | the sender does not have the file of a transfer (4) |
//!
//! Messages of other kinds are ignored.

/// Maximum number of entries of a message.
pub(super) const MAX_ENTRIES: usize = 256;
/// Maximum number of bytes of a packet.
pub(super) const MAX_PACKET_BYTES: usize = 1600;
/// Bytes of a part of a file; the last one can be shorter.
pub(in super::super) const PART_BYTES: usize = 1200;
/// Maximum number of parts in a request.
pub(in super::super) const MAX_PARTS: u16 = 64;
/// Bytes of the id of a file.
const FILE_ID_BYTES: usize = 16;

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
    GetFile(FileRequest),
    FilePart(FilePart),
    NoFile(u32),
}

/// A request for parts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct FileRequest {
    /// Number of the transfer, which the requesting node chose.
    pub(in super::super) transfer: u32,
    pub(in super::super) file: [u8; FILE_ID_BYTES],
    pub(in super::super) offset: u64,
    pub(in super::super) parts: u16,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct FilePart {
    pub(in super::super) transfer: u32,
    pub(in super::super) offset: u64,
    pub(in super::super) data: Vec<u8>,
}

impl FileRequest {
    fn parse(content: &[u8]) -> Option<Self> {
        let (transfer, content) = content.split_first_chunk()?;
        let (file, content) = content.split_first_chunk()?;
        let (offset, parts) = content.split_first_chunk()?;
        let parts = u16::from_be_bytes(parts.try_into().ok()?);
        (1..=MAX_PARTS).contains(&parts).then_some(Self {
            transfer: u32::from_be_bytes(*transfer),
            file: *file,
            offset: u64::from_be_bytes(*offset),
            parts,
        })
    }
}

impl FilePart {
    fn parse(content: &[u8]) -> Option<Self> {
        let (transfer, content) = content.split_first_chunk()?;
        let (offset, data) = content.split_first_chunk()?;
        (1..=PART_BYTES).contains(&data.len()).then(|| Self {
            transfer: u32::from_be_bytes(*transfer),
            offset: u64::from_be_bytes(*offset),
            data: data.to_vec(),
        })
    }
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
            Self::Want(ssrcs) => write_numbers(4, ssrcs, out),
            Self::Unwant(ssrcs) => write_numbers(5, ssrcs, out),
            Self::KeyFrame(ssrc) => write_numbers(6, &[*ssrc], out),
            Self::Missing(numbers) => {
                out.push(7);
                out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
            }
            Self::GetFile(FileRequest { transfer, file, offset, parts }) => {
                out.push(8);
                out.extend(transfer.to_be_bytes());
                out.extend(file);
                out.extend(offset.to_be_bytes());
                out.extend(parts.to_be_bytes());
            }
            Self::FilePart(FilePart { transfer, offset, data }) => {
                out.push(9);
                out.extend(transfer.to_be_bytes());
                out.extend(offset.to_be_bytes());
                out.extend_from_slice(data);
            }
            Self::NoFile(transfer) => write_numbers(10, &[*transfer], out),
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
            8 => Some(Self::GetFile(FileRequest::parse(content)?)),
            9 => Some(Self::FilePart(FilePart::parse(content)?)),
            10 => Some(Self::NoFile(u32::from_be_bytes(content.try_into().ok()?))),
            _ => None,
        }
    }
}

/// Appends a message with an RTP packet.
pub(super) fn write_media(packet: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(packet);
}

fn write_numbers(kind: u8, numbers: &[u32], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

fn ssrcs(content: &[u8]) -> Option<Vec<u32>> {
    let (ssrcs, rest) = content.as_chunks();
    let fits = rest.is_empty() && ssrcs.len() <= MAX_ENTRIES;
    fits.then(|| ssrcs.iter().map(|it| u32::from_be_bytes(*it)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> FileRequest {
        FileRequest { transfer: 3, file: [9; 16], offset: 1 << 40, parts: 1 }
    }

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
            Message::GetFile(FileRequest { parts: 64, ..request() }),
            Message::FilePart(FilePart { transfer: 3, offset: 1 << 40, data: vec![7; PART_BYTES] }),
            Message::NoFile(u32::MAX),
        ] {
            assert_eq!(Message::parse(&written(&message)), Some(message));
        }
    }

    #[test]
    fn damaged_messages_are_rejected() {
        let again = Message::Again(1, Box::new(Message::Again(2, Box::new(Message::Ping(1)))));
        let long = Message::Want(vec![1; MAX_ENTRIES + 1]);
        let large = Message::Media(vec![0; MAX_PACKET_BYTES + 1]);
        let requests = [0, 65].map(|parts| Message::GetFile(FileRequest { parts, ..request() }));
        let parts = [0, PART_BYTES + 1].map(|bytes| {
            Message::FilePart(FilePart { transfer: 3, offset: 0, data: vec![0; bytes] })
        });
        for wrong in [
            &[][..],
            &[11],
            &[8],
            &[9, 0],
            &[10, 0],
            &written(&requests[0]),
            &written(&requests[1]),
            &written(&parts[0]),
            &written(&parts[1]),
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
