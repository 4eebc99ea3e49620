//! Finds where transport streams were joined: the tables of the program are repeated, and continuity
//! counters begin again. ITU-T H.222.0, section 2.4.3.3.

use super::transport::TransportPacket;

/// A table of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Association,
    Map,
}

/// Follows the continuity counters of the tables.
#[derive(Debug, Default)]
pub(super) struct Joints {
    association: Option<u8>,
    map: Option<u8>,
    /// The start of an association table whose map has not followed yet.
    begun: Option<Start>,
    tables: Tables,
}

/// The start of a table.
#[derive(Clone, Copy, Debug)]
struct Start {
    has_jumped: bool,
    is_zero: bool,
}

/// The tables so far. Each number counts the association tables that a map followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    count: u64,
    /// The last tables of which a counter did not continue; 0 before.
    jumped: u64,
    /// The last tables with the counters 0, with which most multiplexers begin; 0 before.
    zero: u64,
}

/// The tables between two packets of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repeated {
    /// Whether a counter of the tables did not continue.
    pub(super) has_jumped: bool,
    /// Whether the counters of tables were 0.
    pub(super) is_zero: bool,
}

impl Joints {
    /// Adds a packet of a table.
    pub(super) fn add(&mut self, table: Table, packet: &TransportPacket) {
        let counter = packet.continuity();
        let last = match table {
            Table::Association => &mut self.association,
            Table::Map => &mut self.map,
        };
        let last = last.replace(counter);
        if !packet.is_start() {
            return;
        }
        // Packets may be sent twice.
        let has_jumped = last.is_some_and(|last| ![last, (last + 1) & 15].contains(&counter));
        let start = Start { has_jumped, is_zero: counter == 0 };
        if table == Table::Association {
            self.begun = Some(start);
        } else if let Some(begun) = self.begun.take() {
            let tables = &mut self.tables;
            tables.count += 1;
            if begun.has_jumped || start.has_jumped {
                tables.jumped = tables.count;
            }
            if begun.is_zero && start.is_zero {
                tables.zero = tables.count;
            }
        }
    }

    /// Returns the tables so far.
    pub(super) fn tables(&self) -> Tables {
        self.tables
    }
}

impl Tables {
    /// Returns the tables that were repeated after `earlier`, if any.
    pub(super) fn since(self, earlier: Self) -> Option<Repeated> {
        (self.count > earlier.count).then_some(Repeated {
            has_jumped: self.jumped > earlier.count,
            is_zero: self.zero > earlier.count,
        })
    }
}
