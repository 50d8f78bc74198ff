//! What a user sees of a connection, and the one table of legal changes.

use std::fmt;

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    Connecting,
    /// Media flows, or could.
    Connected,
    /// The service has said that it generates.
    Generating,
    /// The connection was lost and is being made again.
    Reconnecting,
    /// Not connected yet, or never again.
    Disconnected,
}

use ConnectionState::{Connected, Connecting, Disconnected, Generating, Reconnecting};

/// Every change of state that can happen, as (from, to). A connection starts as `Disconnected`.
pub const TRANSITIONS: &[(ConnectionState, ConnectionState)] = &[
    (Disconnected, Connecting),
    (Connecting, Connected),
    (Connecting, Disconnected),
    (Connected, Generating),
    (Connected, Reconnecting),
    (Connected, Disconnected),
    (Generating, Connected),
    (Generating, Reconnecting),
    (Generating, Disconnected),
    (Reconnecting, Connected),
    (Reconnecting, Disconnected),
];

impl ConnectionState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Connecting => "connecting",
            Connected => "connected",
            Generating => "generating",
            Reconnecting => "reconnecting",
            Disconnected => "disconnected",
        }
    }

    /// Whether calls reach the service at once.
    pub const fn is_connected(self) -> bool {
        matches!(self, Connected | Generating)
    }

    /// Whether the table allows this change.
    pub fn can_become(self, next: Self) -> bool {
        TRANSITIONS.contains(&(self, next))
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
