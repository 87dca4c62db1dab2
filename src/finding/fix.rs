//! What to change.

pub use crate::blame::Fix;
use crate::fix::Change;

impl Fix {
    /// A change that was not applied to the model.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            commands: Vec::new(),
            persistent: Vec::new(),
            verified: false,
            also_allows: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The same, with one more command.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// The same, with one more command that makes it last.
    #[must_use]
    pub fn persistent(mut self, command: impl Into<String>) -> Self {
        self.persistent.push(command.into());
        self
    }

    /// The same, as it is to be tried on the model.
    #[must_use]
    pub fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// Sets a sysctl, now and at every boot.
    pub fn sysctl(key: &str, value: &str, why: &str) -> Self {
        Self::new(format!("set {key} to {value}: {why}"))
            .command(format!("sysctl -w {key}={value}"))
            .persistent(format!("echo '{key} = {value}' >> /etc/sysctl.d/90-nfblame.conf"))
            .change(Change::Sysctl { key: key.into(), value: value.into() })
    }

    /// The same, for a setting that only exists once this module is loaded: it is loaded at boot, before settings are made.
    #[must_use]
    pub fn of_module(self, module: &str) -> Self {
        self.persistent(format!("echo {module} > /etc/modules-load.d/{module}.conf"))
    }
}
