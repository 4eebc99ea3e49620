//! Limits authentication attempts: after a failed one, further attempts from that address are
//! rejected for an interval.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Maximum number of remembered addresses.
const MAX_ADDRESSES: usize = 4096;

/// Times of the last failures by address.
#[derive(Clone, Debug)]
pub(super) struct AuthRateLimiter {
    interval: Duration,
    failed: BTreeMap<IpAddr, Duration>,
}

impl AuthRateLimiter {
    /// Allows one attempt in each `interval`.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, failed: BTreeMap::new() }
    }

    /// Whether `address` may try to authenticate now.
    pub(super) fn allows(&self, now: Duration, address: IpAddr) -> bool {
        let last = self.failed.get(&address_group(address));
        last.is_none_or(|last| now.saturating_sub(*last) >= self.interval)
    }

    /// Records a failed attempt.
    pub(super) fn record_failure(&mut self, now: Duration, address: IpAddr) {
        if self.failed.len() >= MAX_ADDRESSES {
            let interval = self.interval;
            self.failed.retain(|_, last| now.saturating_sub(*last) < interval);
        }
        if self.failed.len() >= MAX_ADDRESSES {
            // Too many addresses: forget the oldest failure.
            let oldest = self.failed.iter().min_by_key(|(_, last)| **last);
            if let Some(address) = oldest.map(|(address, _)| *address) {
                self.failed.remove(&address);
            }
        }
        self.failed.insert(address_group(address), now);
    }
}

/// Groups addresses: an IPv6 /64 network, usually one customer, counts as one address.
pub(super) fn address_group(address: IpAddr) -> IpAddr {
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
        let mut auth_rate_limiter = AuthRateLimiter::new(Duration::from_millis(100));
        let at = Duration::from_millis;
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        assert!(auth_rate_limiter.allows(at(0), one));
        auth_rate_limiter.record_failure(at(0), one);
        assert!(!auth_rate_limiter.allows(at(99), one) && auth_rate_limiter.allows(at(99), other));
        assert!(auth_rate_limiter.allows(at(100), one));
    }

    #[test]
    fn ipv6_networks_are_grouped_and_memory_is_bounded() {
        let mut auth_rate_limiter = AuthRateLimiter::new(Duration::from_millis(100));
        let at = Duration::from_millis;
        auth_rate_limiter.record_failure(at(0), "2001:db8::1".parse().unwrap());
        assert!(!auth_rate_limiter.allows(at(1), "2001:db8::2".parse().unwrap()));
        for n in 0..10_000_u32 {
            auth_rate_limiter.record_failure(at(1), IpAddr::from(n.to_be_bytes()));
        }
        assert!(auth_rate_limiter.failed.len() <= MAX_ADDRESSES);
    }
}
