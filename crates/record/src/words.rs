//! The words of the vocabulary as types: class, cause, role, trigger.

use std::fmt;

/// Class of a cause: who has to act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The service's own program failed.
    Code,
    /// The set-up of the server or the app is wrong.
    Config,
    /// The database, or what it says of its data.
    Database,
    /// Another service: API, cache, queue, mail, the app behind a proxy.
    Upstream,
    /// Memory, disk, descriptors, workers, time.
    Resource,
    /// Nothing observed explains it yet.
    #[default]
    Unknown,
}

impl Class {
    /// All classes.
    pub const ALL: [Class; 6] =
        [Class::Code, Class::Config, Class::Database, Class::Upstream, Class::Resource, Class::Unknown];

    /// The word used in reports and in `causes.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Class::Code => "code",
            Class::Config => "config",
            Class::Database => "database",
            Class::Upstream => "upstream",
            Class::Resource => "resource",
            Class::Unknown => "unknown",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// A specific cause within its class, e.g. `database/connection-refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// The class.
    pub class: Class,
    /// The cause's word, from `causes.toml`.
    pub name: String,
}

impl Cause {
    /// A cause of that class and name.
    pub fn new(class: Class, name: &str) -> Cause {
        Cause { class, name: name.to_owned() }
    }

    /// Reads `class/cause`.
    pub fn parse(text: &str) -> Option<Cause> {
        let (class, name) = text.split_once('/')?;
        Some(Cause::new(Class::parse(class)?, name))
    }

    /// Is it that one?
    pub fn is(&self, class: Class, name: &str) -> bool {
        self.class == class && self.name == name
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.class.name(), self.name)
    }
}

/// What a quoted record is to a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It shows the cause.
    Cause,
    /// It shows what the cause did.
    Symptom,
    /// It belongs to the picture.
    Context,
}

impl Role {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Role::Cause => "cause",
            Role::Symptom => "symptom",
            Role::Context => "context",
        }
    }
}

/// What set a problem off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TriggerKind {
    /// A release.
    Deploy,
    /// A changed configuration.
    ConfigChange,
    /// Something the service needs went away or changed.
    Dependency,
    /// Load, or requests that met.
    Traffic,
    /// Only certain inputs.
    Data,
    /// Nothing shows.
    #[default]
    None,
}

impl TriggerKind {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            TriggerKind::Deploy => "deploy",
            TriggerKind::ConfigChange => "config-change",
            TriggerKind::Dependency => "dependency",
            TriggerKind::Traffic => "traffic",
            TriggerKind::Data => "data",
            TriggerKind::None => "none",
        }
    }
}
