//! Limits the number of connections, in total and per address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::auth_rate_limiter::address_group;

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Connections per address; entries are never zero.
    of: BTreeMap<IpAddr, usize>,
}

/// The connection slots of a server.
#[derive(Clone, Debug)]
pub(super) struct ConnectionSlots {
    max: usize,
    max_per_address: usize,
    open: Arc<Mutex<Open>>,
}

/// The slot of a connection, released when dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    address: IpAddr,
    connection_slots: ConnectionSlots,
}

impl ConnectionSlots {
    /// Creates slots for `max` connections in total, and `max_per_address` of one address.
    pub(super) fn new(max: usize, max_per_address: usize) -> Self {
        Self { max, max_per_address, open: Arc::default() }
    }

    /// Takes a slot for a connection of `address`, if one is free.
    pub(super) fn take(&self, address: IpAddr) -> Option<ConnectionSlot> {
        let address = address_group(address);
        let mut open = self.open();
        let of_address = open.of.get(&address).copied().unwrap_or(0);
        if open.all >= self.max || of_address >= self.max_per_address {
            return None;
        }
        open.all += 1;
        open.of.insert(address, of_address + 1);
        Some(ConnectionSlot { address, connection_slots: self.clone() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.connection_slots.open();
        open.all = open.all.saturating_sub(1);
        let left = open.of.get(&self.address).map_or(0, |of_address| of_address.saturating_sub(1));
        if left == 0 {
            open.of.remove(&self.address);
        } else {
            open.of.insert(self.address, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_never_takes_the_slots_of_others() {
        let connection_slots = ConnectionSlots::new(10, 4);
        let of = |text: &str| connection_slots.take(text.parse().unwrap());
        let mut kept: Vec<_> = (0..6).filter_map(|_| of("10.0.0.1")).collect();
        assert_eq!(kept.len(), 4);
        kept.extend(of("::ffff:10.0.0.1"));
        assert_eq!(kept.len(), 4, "the same address in IPv6");
        kept.extend((0..6).filter_map(|n| of(&format!("2001:db8::{n}"))));
        assert_eq!(kept.len(), 8, "one network of IPv6");
        kept.extend((0..6).filter_map(|_| of("10.0.0.2")));
        assert_eq!(kept.len(), 10, "in total");
        kept.clear();
        assert!(connection_slots.open().of.is_empty() && connection_slots.open().all == 0);
        assert!(of("10.0.0.1").is_some());
    }
}
