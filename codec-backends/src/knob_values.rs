//! Values of codec-specific settings (knobs), checked against the allowed values of each.

use codec_core::codec::Knob;
use codec_core::error::ConfigError;

/// Configured values by name; settings that are not configured have their default.
#[derive(Clone, Debug)]
pub(super) struct KnobValues {
    knobs: &'static [Knob],
    given: Vec<(&'static str, i64)>,
}

impl KnobValues {
    /// Creates the values from `given`; the last value of a name counts.
    pub(super) fn new(
        knobs: &'static [Knob],
        given: &[(String, i64)],
    ) -> Result<Self, ConfigError> {
        let mut values = Self { knobs, given: Vec::new() };
        for (name, value) in given {
            values.set(name, *value, false)?;
        }
        Ok(values)
    }

    /// Sets a value; `running` rejects settings that can only be set before the first frame.
    pub(super) fn set(&mut self, name: &str, value: i64, running: bool) -> Result<(), ConfigError> {
        let Some(knob) = self.knobs.iter().find(|knob| knob.name == name) else {
            let names: Vec<_> = self.knobs.iter().map(|knob| knob.name).collect();
            return Err(ConfigError::new("knob", name, format!("one of {}", names.join(", "))));
        };
        if running && !knob.live {
            return Err(ConfigError::conflict(knob.name, "it cannot change after the first frame"));
        }
        if !knob.allows(value) {
            return Err(ConfigError::new(knob.name, value, knob.allowed()));
        }
        self.given.retain(|(known, _)| *known != knob.name);
        self.given.push((knob.name, value));
        Ok(())
    }

    /// Returns the configured value.
    pub(super) fn given(&self, name: &str) -> Option<i32> {
        let value = self.given.iter().find(|(known, _)| *known == name)?.1;
        i32::try_from(value).ok()
    }

    /// Returns the configured value or the default; 0 for unknown settings.
    pub(super) fn value(&self, name: &str) -> i32 {
        self.given(name).unwrap_or_else(|| {
            let knob = self.knobs.iter().find(|knob| knob.name == name);
            knob.map_or(0, |knob| i32::try_from(knob.default).unwrap_or(0))
        })
    }
}
