//! The permissions of verified credentials: scopes, and the rooms and streams to which they apply.

use std::sync::Arc;

use super::scope::{Grants, Scope};

/// Names of rooms or streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// Every name.
    All,
    /// These names; one that ends with `*` includes all that begin like it.
    Only(Arc<[String]>),
}

impl Names {
    /// Whether a name is included.
    #[must_use]
    pub fn include(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|it| match it.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => it == name,
            }),
        }
    }
}

/// The subject of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The whole server, such as the list of all sessions.
    Server,
    /// A stream.
    Stream(&'a str),
    /// A room.
    Room(&'a str),
}

/// What verified credentials permit, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The scopes.
    pub grants: Grants,
    /// The rooms in which they hold.
    pub rooms: Names,
    /// The streams for which they hold.
    pub streams: Names,
    /// The id of the person, if the credentials have one (`sub`).
    pub subject: Option<Arc<str>>,
    /// The person's name, if the credentials have one.
    pub name: Option<Arc<str>>,
}

impl Permit {
    /// Scopes for all rooms and streams.
    #[must_use]
    pub fn of(grants: Grants) -> Self {
        Self { grants, rooms: Names::All, streams: Names::All, subject: None, name: None }
    }

    /// Whether it includes a target, for any scope.
    #[must_use]
    pub fn includes(&self, target: Target<'_>) -> bool {
        match target {
            Target::Server => self.rooms == Names::All && self.streams == Names::All,
            Target::Stream(name) => self.streams.include(name),
            Target::Room(name) => self.rooms.include(name),
        }
    }

    /// Whether it allows a scope for a target.
    #[must_use]
    pub fn allows(&self, scope: Scope, target: Target<'_>) -> bool {
        self.grants.allow(scope) && self.includes(target)
    }
}
