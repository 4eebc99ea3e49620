//! Scopes: the permissions `publish`, `view` and `admin`, and sets of them.

use std::fmt;

/// A permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Publish a stream to the server.
    Publish,
    /// Watch streams, chat and send files.
    View,
    /// See and end the sessions of others.
    Admin,
}

impl Scope {
    /// All scopes with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("publish", Self::Publish), ("view", Self::View), ("admin", Self::Admin)];

    /// The name used on the command line and in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::View => "view",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Publish => 1,
            Self::View => 2,
            Self::Admin => 4,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Grants(u8);

impl Grants {
    /// No scopes.
    pub const NONE: Self = Self(0);
    /// All scopes.
    pub const ALL: Self = Self(7);

    /// Parses a list of names separated by `+` or `,`.
    ///
    /// # Errors
    ///
    /// The invalid name.
    pub fn parse(names: &str) -> Result<Self, String> {
        let mut grants = Self::NONE;
        for name in names.split(['+', ',']) {
            let found = Scope::ALL.iter().find(|(known, _)| *known == name.trim());
            let (_, scope) = found.ok_or_else(|| {
                format!("invalid scope {name:?}: expected publish, view or admin, joined by +")
            })?;
            grants = grants.with(*scope);
        }
        Ok(grants)
    }

    /// Adds a scope. The admin scope includes all others.
    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        if scope == Scope::Admin { Self::ALL } else { Self(self.0 | scope.bit()) }
    }

    /// The scopes of both sets.
    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set contains a scope.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scope::ALL.iter().filter(|(_, scope)| self.allow(*scope));
        f.debug_set().entries(names.map(|(name, _)| name)).finish()
    }
}
