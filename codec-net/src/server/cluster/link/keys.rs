//! Keys of the links of a node: an X25519 key exchange between each pair of nodes yields an SRTP key for each
//! direction.

use std::fmt;

use codec_rtc::srtp::{Protect, Suite, Unprotect};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use super::super::node::NodeId;

const SUITE: Suite = Suite::AeadAes128Gcm;

/// The key pair of a node, for one run.
pub(in super::super) struct NodeKey {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl fmt::Debug for NodeKey {
    /// Omits the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKey").finish_non_exhaustive()
    }
}

impl NodeKey {
    /// `secret`: random bytes.
    pub(in super::super) fn new(secret: [u8; 32]) -> Self {
        let public = x25519(secret, X25519_BASEPOINT_BYTES);
        Self { secret: Zeroizing::new(secret), public }
    }

    /// The public key, for other nodes.
    pub(in super::super) fn public(&self) -> [u8; 32] {
        self.public
    }

    /// The states that encrypt from `own` to `other` and decrypt in the other direction. `None` if the public key
    /// of the other node is not valid.
    pub(super) fn link(
        &self,
        own: NodeId,
        other: NodeId,
        public: [u8; 32],
    ) -> Option<(Protect, Unprotect)> {
        let shared = Zeroizing::new(x25519(*self.secret, public));
        // Points of small order (RFC 7748, section 6.1).
        if shared.iter().fold(0, |all, byte| all | byte) == 0 {
            return None;
        }
        let keys = |from: (NodeId, &[u8; 32]), to: (NodeId, &[u8; 32])| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&*shared).ok()?;
            mac.update(b"codec node link 1");
            for part in [&from.0.bytes()[..], from.1, &to.0.bytes()[..], to.1] {
                mac.update(part);
            }
            let material = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
            material.get(..SUITE.material_bytes()).map(|it| Zeroizing::new(it.to_vec()))
        };
        let (ours, theirs) = ((own, &self.public), (other, &public));
        let protect = Protect::new(SUITE, &keys(ours, theirs)?).ok()?;
        let unprotect = Unprotect::new(SUITE, &keys(theirs, ours)?).ok()?;
        Some((protect, unprotect))
    }
}

#[cfg(test)]
mod tests {
    use codec_rtc::rtp;

    use super::*;

    #[test]
    fn two_nodes_and_no_third_one_understand_each_other() {
        let node = |byte: u8| (NodeId::from_bytes([byte; 16]), NodeKey::new([byte; 32]));
        let ((ann, ann_key), (bob, bob_key), (eve, eve_key)) = (node(1), node(2), node(3));
        let (mut send, _) = ann_key.link(ann, bob, bob_key.public()).unwrap();
        let (_, mut receive) = bob_key.link(bob, ann, ann_key.public()).unwrap();
        let (_, mut other) = eve_key.link(bob, ann, ann_key.public()).unwrap();
        let (_, mut wrong_way) = ann_key.link(ann, bob, bob_key.public()).unwrap();
        assert_ne!(ann, eve);
        let mut packet = Vec::new();
        rtp::write(&rtp::Header { ssrc: 5, ..rtp::Header::default() }, &mut packet);
        packet.extend(b"media");
        let plain = packet.clone();
        send.rtp(&mut packet).unwrap();
        assert!(other.rtp(&mut packet.clone()).is_err());
        assert!(wrong_way.rtp(&mut packet.clone()).is_err());
        receive.rtp(&mut packet).unwrap();
        assert_eq!(packet, plain);
        assert!(ann_key.link(ann, bob, [0; 32]).is_none(), "a point of small order");
        assert!(!format!("{ann_key:?}").contains('1'));
    }
}
