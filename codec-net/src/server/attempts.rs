//! Rate limit for failed authentication: one attempt per address in an interval.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Maximum number of remembered addresses.
const MAX_ADDRESSES: usize = 4096;

/// Times of the last failures by address.
#[derive(Clone, Debug)]
pub struct Attempts {
    gap: Duration,
    failed: BTreeMap<IpAddr, Duration>,
}

impl Attempts {
    /// Allows one attempt in each `gap`.
    #[must_use]
    pub fn new(gap: Duration) -> Self {
        Self { gap, failed: BTreeMap::new() }
    }

    /// Whether an attempt of `address` is processed.
    #[must_use]
    pub fn may(&self, now: Duration, address: IpAddr) -> bool {
        let last = self.failed.get(&group(address));
        last.is_none_or(|last| now.saturating_sub(*last) >= self.gap)
    }

    /// Records a failed attempt.
    pub fn fail(&mut self, now: Duration, address: IpAddr) {
        if self.failed.len() >= MAX_ADDRESSES {
            let gap = self.gap;
            self.failed.retain(|_, last| now.saturating_sub(*last) < gap);
        }
        if self.failed.len() >= MAX_ADDRESSES {
            // Too many addresses: forget the oldest failure.
            let oldest = self.failed.iter().min_by_key(|(_, last)| **last);
            if let Some(address) = oldest.map(|(address, _)| *address) {
                self.failed.remove(&address);
            }
        }
        self.failed.insert(group(address), now);
    }
}

/// Groups addresses: an IPv6 /64 network, usually one customer, counts as one address.
pub(super) fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_blocks_only_its_address_for_a_moment() {
        let mut attempts = Attempts::new(Duration::from_millis(100));
        let at = Duration::from_millis;
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        assert!(attempts.may(at(0), one));
        attempts.fail(at(0), one);
        assert!(!attempts.may(at(99), one) && attempts.may(at(99), other));
        assert!(attempts.may(at(100), one));
    }

    #[test]
    fn ipv6_networks_are_grouped_and_memory_is_bounded() {
        let mut attempts = Attempts::new(Duration::from_millis(100));
        let at = Duration::from_millis;
        attempts.fail(at(0), "2001:db8::1".parse().unwrap());
        assert!(!attempts.may(at(1), "2001:db8::2".parse().unwrap()));
        for n in 0..10_000_u32 {
            attempts.fail(at(1), IpAddr::from(n.to_be_bytes()));
        }
        assert!(attempts.failed.len() <= MAX_ADDRESSES);
    }
}
