//! Selects the program to read from the tables (PAT and PMT), and follows their changes.

use super::joints::Table;
use super::tables::{ProgramEntry, Sections, StreamEntry, programs, streams};

const PAT_PID: u16 = 0;

/// Follows the tables of a stream.
#[derive(Debug, Default)]
pub(super) struct Programs {
    association: Sections,
    /// The programs that may be read.
    entries: Vec<(ProgramEntry, Sections)>,
    /// All programs of the last association table.
    known: Vec<ProgramEntry>,
    /// The chosen program and its last streams.
    chosen: Option<(u16, Vec<StreamEntry>)>,
}

impl Programs {
    /// Adds the payload of a packet; returns a program with its streams if the program or its
    /// streams are new.
    pub(super) fn add(
        &mut self,
        pid: u16,
        payload: &[u8],
        is_start: bool,
    ) -> Option<(u16, Vec<StreamEntry>)> {
        if pid == PAT_PID {
            let found = programs(self.association.add(payload, is_start)?);
            self.associate(found);
            return None;
        }
        let (entry, sections) = self.entries.iter_mut().find(|(entry, _)| entry.pid == pid)?;
        let number = entry.number;
        let found = streams(sections.add(payload, is_start)?, number)?;
        let is_known = matches!(&self.chosen, Some((_, last)) if *last == found);
        (!is_known).then_some((number, found))
    }

    /// Returns the table that packets with this PID contain.
    pub(super) fn table(&self, pid: u16) -> Option<Table> {
        if pid == PAT_PID {
            return Some(Table::Association);
        }
        self.entries.iter().any(|(entry, _)| entry.pid == pid).then_some(Table::Map)
    }

    fn associate(&mut self, found: Vec<ProgramEntry>) {
        if found == self.known || found.is_empty() {
            return;
        }
        self.known.clone_from(&found);
        let chosen = self.chosen.as_ref().map(|(number, _)| *number);
        let remains = found.iter().any(|entry| Some(entry.number) == chosen);
        let is_read = |entry: &ProgramEntry| !remains || Some(entry.number) == chosen;
        let entries = found.into_iter().filter(is_read);
        self.entries = entries.map(|entry| (entry, Sections::default())).collect();
    }

    /// From now on reads only program `number`, which has the streams `entries`.
    pub(super) fn choose(&mut self, number: u16, entries: Vec<StreamEntry>) {
        self.entries.retain(|(entry, _)| entry.number == number);
        self.chosen = Some((number, entries));
    }

    /// From now on ignores program `number`, whose streams are not supported.
    pub(super) fn reject(&mut self, number: u16) {
        self.entries.retain(|(entry, _)| entry.number != number);
    }

    /// Whether all programs have been rejected.
    pub(super) fn are_rejected(&self) -> bool {
        !self.known.is_empty() && self.entries.is_empty()
    }

    /// Number of programs that are not read.
    pub(super) fn others(&self) -> usize {
        self.known.len().saturating_sub(1)
    }
}
