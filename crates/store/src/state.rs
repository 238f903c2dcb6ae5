//! The states of a problem.

/// Where a problem stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Seen lately for the first time.
    New,
    /// Goes on: for an hour, or ten failures.
    Ongoing,
    /// Over: by hand, by a release, or as no failure came for days.
    Resolved,
    /// Was resolved and is back.
    Regressed,
    /// Counted, but nobody wants to hear of it.
    Muted,
    /// All its failures turned out to belong to another problem: a first thought of that one.
    Superseded,
    /// All its failures turned out to be none.
    Withdrawn,
}

impl State {
    /// All states.
    pub const ALL: [State; 7] = [
        State::New,
        State::Ongoing,
        State::Resolved,
        State::Regressed,
        State::Muted,
        State::Superseded,
        State::Withdrawn,
    ];

    /// What is not over and wanted to be heard of: new, ongoing, regressed.
    pub const OPEN: [State; 3] = [State::New, State::Ongoing, State::Regressed];

    /// The word shown.
    pub fn name(self) -> &'static str {
        match self {
            State::New => "new",
            State::Ongoing => "ongoing",
            State::Resolved => "resolved",
            State::Regressed => "regressed",
            State::Muted => "muted",
            State::Superseded => "superseded",
            State::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.name() == name)
    }

    /// As kept.
    pub(crate) fn code(self) -> i64 {
        self as i64
    }

    /// From what is kept; an unknown one is taken as ongoing, so that it shows.
    pub(crate) fn of(code: i64) -> State {
        State::ALL.into_iter().find(|s| s.code() == code).unwrap_or(State::Ongoing)
    }
}
