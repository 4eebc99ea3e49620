//! Limits authentication attempts: after a failed one, further attempts from that address are
//! rejected for an interval.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Maximum number of remembered failures.
const MAX_FAILURES: usize = 4096;

/// Times of the last failures.
#[derive(Clone, Debug)]
pub(super) struct AuthRateLimiter {
    interval: Duration,
    /// The last failure of each address.
    failed: BTreeMap<IpAddr, Duration>,
    /// All failures in `failed`, the oldest first, and earlier ones of the same addresses.
    in_order: VecDeque<(Duration, IpAddr)>,
}

impl AuthRateLimiter {
    /// Allows one attempt in each `interval`.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, failed: BTreeMap::new(), in_order: VecDeque::new() }
    }

    /// Whether `address` may try to authenticate now.
    pub(super) fn allows(&self, now: Duration, address: IpAddr) -> bool {
        let last = self.failed.get(&address_group(address));
        last.is_none_or(|last| now.saturating_sub(*last) >= self.interval)
    }

    /// Records a failed attempt. If there are too many failures, the oldest one is forgotten.
    pub(super) fn record_failure(&mut self, now: Duration, address: IpAddr) {
        let address = address_group(address);
        while let Some(&(at, oldest)) = self.in_order.front()
            && (now.saturating_sub(at) >= self.interval || self.in_order.len() >= MAX_FAILURES)
        {
            self.in_order.pop_front();
            if self.failed.get(&oldest) == Some(&at) {
                self.failed.remove(&oldest);
            }
        }
        self.in_order.push_back((now, address));
        self.failed.insert(address, now);
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
        assert_eq!(auth_rate_limiter.failed.len(), MAX_FAILURES);
        assert!(!auth_rate_limiter.allows(at(2), IpAddr::from(9_999_u32.to_be_bytes())));
        // An address that fails again and again within the interval needs no more memory, and stays blocked after its
        // last failure.
        for n in 0..10_000 {
            auth_rate_limiter.record_failure(at(10 + n / 200), "10.0.0.1".parse().unwrap());
        }
        assert!(auth_rate_limiter.in_order.len() <= MAX_FAILURES);
        assert!(!auth_rate_limiter.allows(at(158), "10.0.0.1".parse().unwrap()));
        // Failures are forgotten when the interval is over.
        auth_rate_limiter.record_failure(at(300), "10.0.0.2".parse().unwrap());
        assert_eq!((auth_rate_limiter.failed.len(), auth_rate_limiter.in_order.len()), (1, 1));
    }
}
