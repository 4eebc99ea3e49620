//! Finds the call of a datagram: by its verified source address, or by the name in the connectivity
//! check (RFC 8445, section 7.2.2: USERNAME begins with the local ufrag).

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Maximum number of addresses per call.
const MAX_ADDRESSES: usize = 16;
/// Bytes of a STUN header (RFC 8489, section 5).
const STUN_HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;

/// The routing tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Demux {
    /// The calls of verified addresses, with their order.
    addresses: BTreeMap<SocketAddr, (u64, u64)>,
    /// Number of addresses so far.
    count: u64,
    ufrags: BTreeMap<String, u64>,
}

impl Demux {
    /// Adds a call with this ufrag.
    pub(super) fn add(&mut self, ufrag: &str, call: u64) {
        self.ufrags.insert(ufrag.to_owned(), call);
    }

    /// Removes a call.
    pub(super) fn remove(&mut self, call: u64) {
        self.addresses.retain(|_, (owner, _)| *owner != call);
        self.ufrags.retain(|_, owner| *owner != call);
    }

    /// Replaces the ufrag of a call. Its addresses remain, since media continue there until the new path works.
    pub(super) fn restart(&mut self, ufrag: &str, call: u64) {
        self.ufrags.retain(|_, owner| *owner != call);
        self.add(ufrag, call);
    }

    /// The call of a verified address.
    pub(super) fn by_address(&self, source: SocketAddr) -> Option<u64> {
        self.addresses.get(&source).map(|(call, _)| *call)
    }

    /// The call of a connectivity check.
    pub(super) fn by_connectivity_check(&self, datagram: &[u8]) -> Option<u64> {
        self.ufrags.get(local_ufrag(datagram)?).copied()
    }

    /// Records that an address was verified for a call. If it has too many, the oldest is removed: clients that move
    /// between networks have new ones in each.
    pub(super) fn add_address(&mut self, source: SocketAddr, call: u64) {
        let of_call = self.addresses.iter().filter(|(_, (owner, _))| *owner == call);
        let of_call: Vec<(u64, SocketAddr)> =
            of_call.map(|(at, (_, order))| (*order, *at)).collect();
        if of_call.len() >= MAX_ADDRESSES
            && let Some((_, oldest)) = of_call.iter().min()
        {
            self.addresses.remove(oldest);
        }
        self.addresses.insert(source, (call, self.count));
        self.count += 1;
    }
}

/// The part of the name before the colon.
fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let header = datagram.first_chunk::<STUN_HEADER>()?;
    let [kind, _, _, _, magic @ ..] = header;
    if *kind > 3 || !magic.starts_with(&MAGIC_COOKIE) {
        return None;
    }
    let mut rest = datagram.get(STUN_HEADER..)?;
    loop {
        let ([k0, k1, l0, l1], value) = rest.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        if u16::from_be_bytes([*k0, *k1]) == USERNAME {
            let name = std::str::from_utf8(value.get(..len)?).ok()?;
            return name.split_once(':').map(|(local, _)| local);
        }
        rest = value.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 1, 0, 0];
        out.extend(MAGIC_COOKIE);
        out.extend([7; 12]);
        // A preceding attribute with padding.
        out.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        out.extend([0, 6, 0, u8::try_from(name.len()).unwrap()]);
        out.extend(name);
        out
    }

    #[test]
    fn checks_are_routed_by_name() {
        let mut demux = Demux::default();
        demux.add("mine", 7);
        assert_eq!(demux.by_connectivity_check(&check(b"mine:theirs")), Some(7));
        assert_eq!(demux.by_connectivity_check(&check(b"other:theirs")), None);
        assert_eq!(demux.by_connectivity_check(&check(b"mine")), None);
        demux.restart("new", 7);
        assert_eq!(demux.by_connectivity_check(&check(b"mine:theirs")), None);
        assert_eq!(demux.by_connectivity_check(&check(b"new:theirs")), Some(7));
        demux.restart("mine", 7);
        let whole = check(b"mine:theirs");
        for len in 0..whole.len() {
            assert_eq!(demux.by_connectivity_check(&whole[..len]), None);
        }
        let mut lying = whole;
        lying[22] = 0xff;
        assert_eq!(demux.by_connectivity_check(&lying), None);
    }

    #[test]
    fn addresses_per_call_are_limited() {
        let mut demux = Demux::default();
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        for port in 1..=100 {
            demux.add_address(address(port), 7);
        }
        demux.add_address(address(200), 8);
        let known = (1..=100).filter(|port| demux.by_address(address(*port)) == Some(7));
        assert!(known.eq(85..=100), "the newest");
        demux.remove(7);
        assert_eq!(demux.by_address(address(100)), None);
        assert_eq!(demux.by_address(address(200)), Some(8));
    }
}
