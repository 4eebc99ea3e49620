//! STUN messages (RFC 8489, sections 5, 6 and 14) and `ChannelData` messages (RFC 8656, section
//! 12.4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use subtle::ConstantTimeEq as _;

use codec_rtc::srtp::cipher::HmacSha1;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
/// Maximum number of attributes read from a message.
const MAX_ATTRIBUTES: usize = 32;

/// Methods (RFC 8489, section 18.2; RFC 8656, section 17).
pub(super) mod method {
    pub(in super::super) const BINDING: u16 = 0x001;
    pub(in super::super) const ALLOCATE: u16 = 0x003;
    pub(in super::super) const REFRESH: u16 = 0x004;
    pub(in super::super) const SEND: u16 = 0x006;
    pub(in super::super) const DATA: u16 = 0x007;
    pub(in super::super) const CHANNEL_BIND: u16 = 0x009;
}

/// Attributes (RFC 8489, section 18.3; RFC 8656, section 18).
pub(super) mod attribute {
    pub(in super::super) const USERNAME: u16 = 0x0006;
    pub(in super::super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(in super::super) const ERROR_CODE: u16 = 0x0009;
    pub(in super::super) const CHANNEL_NUMBER: u16 = 0x000c;
    pub(in super::super) const LIFETIME: u16 = 0x000d;
    pub(in super::super) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(in super::super) const DATA: u16 = 0x0013;
    pub(in super::super) const REALM: u16 = 0x0014;
    pub(in super::super) const NONCE: u16 = 0x0015;
    pub(in super::super) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(in super::super) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(in super::super) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(in super::super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
}

/// Message class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// Transaction id.
pub(super) type Transaction = [u8; 12];

/// Writer of a message.
pub(super) struct Writer {
    bytes: Vec<u8>,
    transaction: Transaction,
}

impl Writer {
    pub(super) fn new(class: Class, method: u16, transaction: Transaction) -> Self {
        let class = match class {
            Class::Request => 0,
            Class::Indication => 0x010,
            Class::Success => 0x100,
            Class::Error => 0x110,
        };
        // The class bits are interleaved with the method (section 5).
        let kind = (method & 0xf80) << 2 | (method & 0x070) << 1 | method & 0x00f | class;
        let mut bytes = Vec::with_capacity(160);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(COOKIE);
        bytes.extend(transaction);
        Self { bytes, transaction }
    }

    /// Appends an attribute, truncated to 65,535 bytes.
    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend(len.to_be_bytes());
        self.bytes.extend(value.iter().take(len.into()));
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_len(0);
        self
    }

    /// Appends an address, combined by XOR with magic cookie and transaction id (section 14.2).
    pub(super) fn address(self, kind: u16, address: SocketAddr) -> Self {
        let mut value = vec![0];
        value.push(if address.is_ipv4() { 1 } else { 2 });
        value.extend(address.port().to_be_bytes());
        match address.ip() {
            IpAddr::V4(ip) => value.extend(ip.octets()),
            IpAddr::V6(ip) => value.extend(ip.octets()),
        }
        let transaction = self.transaction;
        mix(&mut value, &transaction);
        self.attribute(kind, &value)
    }

    /// Appends MESSAGE-INTEGRITY with a key (section 14.5) and finishes the message.
    pub(super) fn signed(mut self, key: &[u8]) -> Vec<u8> {
        self.set_len(24);
        let tag = HmacSha1::new(key).tag(&[&self.bytes]);
        self.attribute(attribute::MESSAGE_INTEGRITY, &tag).done()
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.bytes
    }

    /// Sets the length to the length of the present attributes plus `more` bytes.
    fn set_len(&mut self, more: usize) {
        let len = u16::try_from(self.bytes.len() - HEADER + more).unwrap_or(u16::MAX);
        if let Some(place) = self.bytes.get_mut(2..4) {
            place.copy_from_slice(&len.to_be_bytes());
        }
    }
}

/// A parsed message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) class: Class,
    pub(super) method: u16,
    pub(super) transaction: Transaction,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses a message; `None` if it is invalid.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let whole = len % 4 == 0 && bytes.len() == HEADER + len;
        if kind & 0xc000 != 0 || header[4..8] != COOKIE || !whole {
            return None;
        }
        let class = match kind & 0x110 {
            0 => Class::Request,
            0x010 => Class::Indication,
            0x100 => Class::Success,
            _ => Class::Error,
        };
        let method = (kind & 0x3e00) >> 2 | (kind & 0x00e0) >> 1 | kind & 0x00f;
        let transaction = *header[8..].first_chunk()?;
        Some(Self { class, method, transaction, bytes })
    }

    /// Iterates over position, type and value of attributes, up to the first malformed one.
    fn attributes(self) -> impl Iterator<Item = (usize, u16, &'a [u8])> {
        let mut at = HEADER;
        std::iter::from_fn(move || {
            let rest = self.bytes.get(at..)?;
            let (head, rest) = rest.split_first_chunk::<4>()?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = rest.get(..len)?;
            let place = at;
            at += 4 + len.next_multiple_of(4);
            Some((place, kind, value))
        })
        .take(MAX_ATTRIBUTES)
    }

    /// Returns the first attribute of a type covered by the integrity check (section 14.5).
    pub(super) fn get(self, kind: u16) -> Option<&'a [u8]> {
        self.attributes()
            .take_while(|(_, it, _)| *it != attribute::MESSAGE_INTEGRITY)
            .find(|(_, it, _)| *it == kind)
            .map(|(.., value)| value)
    }

    pub(super) fn get_u32(self, kind: u16) -> Option<u32> {
        self.get(kind)?.first_chunk().copied().map(u32::from_be_bytes)
    }

    pub(super) fn get_address(self, kind: u16) -> Option<SocketAddr> {
        let mut value = self.get(kind)?.to_vec();
        mix(&mut value, &self.transaction);
        let (head, ip) = value.split_first_chunk::<4>()?;
        let port = u16::from_be_bytes([head[2], head[3]]);
        let ip = match head[1] {
            1 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(ip).ok()?)),
            2 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?)),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// Error code and reason phrase (section 14.8).
    pub(super) fn error(self) -> (u16, String) {
        let Some((head, reason)) =
            self.get(attribute::ERROR_CODE).and_then(<[u8]>::split_first_chunk::<4>)
        else {
            return (0, String::new());
        };
        let code = u16::from(head[2] & 7) * 100 + u16::from(head[3]);
        let reason = reason.get(..128).unwrap_or(reason);
        (code, String::from_utf8_lossy(reason).into_owned())
    }

    /// Whether MESSAGE-INTEGRITY matches this key.
    pub(super) fn is_signed_with(self, key: &[u8]) -> bool {
        let signed = || {
            let (place, _, tag) =
                self.attributes().find(|(_, kind, _)| *kind == attribute::MESSAGE_INTEGRITY)?;
            let (head, body) = self.bytes.get(..place)?.split_first_chunk::<4>()?;
            // The length covers the message up to and including MESSAGE-INTEGRITY.
            let len = u16::try_from(place + 24 - HEADER).ok()?.to_be_bytes();
            let start = [head[0], head[1], len[0], len[1]];
            let expected = HmacSha1::new(key).tag(&[&start, body]);
            Some(bool::from(expected[..].ct_eq(tag)))
        };
        signed() == Some(true)
    }
}

/// XORs port and address with magic cookie and transaction id (section 14.2).
fn mix(value: &mut [u8], transaction: &Transaction) {
    let Some((head, ip)) = value.split_first_chunk_mut::<4>() else { return };
    head[2] ^= COOKIE[0];
    head[3] ^= COOKIE[1];
    for (to, from) in ip.iter_mut().zip(COOKIE.iter().chain(transaction)) {
        *to ^= from;
    }
}

/// Parses a `ChannelData` message: channel number and data.
pub(super) fn parse_channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let number = u16::from_be_bytes([head[0], head[1]]);
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((number, rest.get(..len)?)).filter(|_| (0x4000..0x5000).contains(&number))
}

/// Writes a `ChannelData` message; `None` if the data is too long.
pub(super) fn channel_data(number: u16, data: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(data.len()).ok()?;
    let mut bytes = Vec::with_capacity(4 + data.len());
    bytes.extend(number.to_be_bytes());
    bytes.extend(len.to_be_bytes());
    bytes.extend(data);
    Some(bytes)
}
