//! Whose connection broke: "Connection refused" is the database's matter when a database driver says it, else another
//! service's. Told by the driver, library or type named in the exception, its frames, the port, the logger.

use record::{Cause, Class};

/// Whose connection it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// `Database` or `Upstream`.
    pub class: Class,
    /// Kind of service (`postgresql`), where that is told too.
    pub service: Option<String>,
}

/// What a fault of a connection, named as `upstream` names it, is called when the other side is a database. `None`: the
/// vocabulary has no such cause there.
pub(super) fn as_database(upstream: &str) -> Option<&'static str> {
    Some(match upstream {
        "connection-refused" => "connection-refused",
        "dns-failure" => "host-unreachable",
        "connection-reset" => "connection-lost",
        "timeout" => "query-timeout",
        "authentication-failed" => "authentication-failed",
        _ => return None,
    })
}

/// Is it a fault between us and a peer, so that the peer's address is what to look at?
pub(super) fn has_peer(cause: &Cause) -> bool {
    match cause.class {
        Class::Upstream => true,
        Class::Database => {
            matches!(
                cause.name.as_str(),
                "connection-refused"
                    | "host-unreachable"
                    | "connection-lost"
                    | "authentication-failed"
                    | "too-many-connections"
                    | "read-only"
                    | "storage-full"
            )
        }
        _ => false,
    }
}
