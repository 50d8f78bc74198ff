//! What a client says of itself as it comes.

/// Read from the `user_agent` of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Caller {
    /// A Parhelion client: it understands what this service adds to the protocol.
    pub(super) is_ours: bool,
    /// It holds its pictures back rather than lose one, so none may be left out here either.
    pub(super) wants_all: bool,
}

impl Caller {
    pub(super) fn of(user_agent: &str) -> Self {
        let is_ours = user_agent.starts_with("parhelion/");
        let wants_all = is_ours && user_agent.split(' ').any(|word| word == "flow/wait");
        Self { is_ours, wants_all }
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;

    #[test]
    fn only_our_own_clients_are_taken_at_their_word() {
        let ours = |wants_all| Caller { is_ours: true, wants_all };
        assert_eq!(Caller::of("parhelion/0.1.0 lang/py runtime/python-3.11"), ours(false));
        assert_eq!(Caller::of("parhelion/0.1.0 lang/py flow/wait"), ours(true));
        assert_eq!(Caller::of("parhelion/0.1.0 overflow/wait"), ours(false));
        assert_eq!(Caller::of("other/1 flow/wait"), Caller::default());
        assert_eq!(Caller::of(""), Caller::default());
    }
}
