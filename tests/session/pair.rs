//! Both ends of a session against each other over a network that may misbehave.

use std::time::Duration;

use crate::link::{Faults, Pair};
use parhelion::error::{Error, ErrorCode};
use parhelion::protocol::{ClientMessage, IceCandidate, ServerMessage};
use parhelion::session::ConnectionState::{
    Connected, Connecting, Disconnected, Generating, Reconnecting,
};
use parhelion::session::{
    Change, ClientConfig, ClientInput, ClientOutput, ClientSession, ConnectionState, LinkEvent,
    LocalSignal, Prompt, ServerConfig, ServerInput, ServerLinkEvent, ServerOutput, ServerSession,
    Setting, State,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn fine() -> Faults {
    Faults { delay: Duration::from_millis(20), ..Faults::default() }
}

fn prompt(text: &str) -> Change {
    Change { prompt: Setting::Set(Prompt::new(text)), image: Setting::Unset }
}

fn with_prompt(text: &str) -> ClientConfig {
    let initial = State { prompt: Some(Prompt::new(text)), image: None };
    ClientConfig { initial, ..ClientConfig::default() }
}

#[test]
fn a_session_from_start_to_end() {
    let mut pair = Pair::new(with_prompt("anime"), fine(), 1);
    let connect = pair.connect();
    pair.run(SECOND);
    assert_eq!(pair.answers[&connect], Ok(()));
    assert_eq!(pair.server_state().prompt, Some(Prompt::new("anime")));
    let update = pair.update(prompt("oil"), SECOND);
    pair.run(10 * SECOND);
    assert_eq!(pair.answers[&update], Ok(()));
    assert_eq!(pair.server_state().prompt, Some(Prompt::new("oil")));
    assert_eq!(pair.ticks, (1..=10).map(f64::from).collect::<Vec<_>>());
    pair.disconnect();
    pair.run(SECOND);
    assert!(pair.servers[&1].is_closed());
    assert_eq!(pair.states[1..], [Connecting, Connected, Generating, Disconnected]);
    pair.check_all_answered();
}

#[test]
fn a_lost_connection_comes_back_with_the_newest_state() {
    let mut pair = Pair::new(with_prompt("first"), fine(), 1);
    pair.connect();
    pair.run(5 * SECOND);
    pair.update(prompt("newest"), SECOND);
    pair.run(5 * SECOND);
    pair.cut_socket(1006);
    let waiting = pair
        .update(Change { prompt: Setting::Unset, image: Setting::Set("QQ==".into()) }, 10 * SECOND);
    pair.run(SECOND);
    assert_eq!(pair.attempt, 2);
    assert_eq!(pair.answers[&waiting], Ok(()));
    let newest = State { prompt: Some(Prompt::new("newest")), image: Some("QQ==".into()) };
    assert_eq!(pair.server_state(), newest);
    assert_eq!(*pair.client.acknowledged(), newest);
    assert_eq!(
        pair.states[1..],
        [Connecting, Connected, Generating, Reconnecting, Connected, Generating]
    );
    assert!(pair.errors.is_empty());
}

#[test]
fn a_time_limit_ends_both_ends_for_good() {
    let mut pair = Pair::new(ClientConfig::default(), fine(), 1);
    pair.server_config.max_duration = Some(5 * SECOND);
    pair.connect();
    pair.run(HOUR);
    assert_eq!(pair.attempt, 1);
    assert_eq!(pair.client.state(), Disconnected);
    assert_eq!(pair.errors.len(), 1);
    assert_eq!(pair.errors[0].code, ErrorCode::SessionEnded);
}

#[test]
fn an_interruption_shorter_than_the_grace_is_not_noticed() {
    let mut pair = Pair::new(ClientConfig::default(), fine(), 1);
    pair.connect();
    pair.run(5 * SECOND);
    pair.interrupt_link();
    pair.run(4 * SECOND);
    pair.restore_link();
    pair.run(60 * SECOND);
    assert_eq!((pair.attempt, pair.client.state()), (1, Generating));
    assert!(pair.ticks.is_sorted());
}

#[test]
fn a_longer_interruption_is_healed_within_the_session() {
    let mut pair = Pair::new(with_prompt("first"), fine(), 1);
    pair.connect();
    pair.run(5 * SECOND);
    pair.interrupt_link();
    pair.run(SECOND);
    // What is asked for meanwhile goes over the socket, which lives.
    let update = pair.update(prompt("newest"), SECOND);
    pair.run(2 * SECOND);
    assert_eq!(pair.answers[&update], Ok(()));
    assert_eq!((pair.attempt, pair.restarts), (1, 1));
    assert_eq!(
        pair.states[1..],
        [Connecting, Connected, Generating, Reconnecting, Connected, Generating]
    );
    assert_eq!(pair.server_state().prompt, Some(Prompt::new("newest")));
    let recoveries = pair.client.recoveries();
    assert_eq!((recoveries.reconnects, recoveries.ice_restarts), (0, 1));
    assert!(recoveries.last_outage.unwrap() >= 2 * SECOND);
    pair.run(60 * SECOND);
    assert!(pair.errors.is_empty() && pair.ticks.is_sorted());
    assert!(!pair.servers[&1].is_closed());
}

#[test]
fn media_that_finds_no_way_is_looked_for_twice_and_then_begun_anew() {
    let mut pair = Pair::new(with_prompt("first"), fine(), 1);
    pair.connect();
    pair.run(5 * SECOND);
    pair.interrupt_link();
    pair.faults.no_path = true;
    pair.run(20 * SECOND);
    assert_eq!((pair.attempt, pair.restarts), (2, 2));
    assert!(pair.servers[&1].is_closed(), "the place is given back");
    pair.faults.no_path = false;
    pair.run(60 * SECOND);
    assert_eq!(pair.client.state(), Generating);
    assert_eq!(pair.server_state().prompt, Some(Prompt::new("first")));
    assert_eq!(pair.client.recoveries().reconnects, 1);
    assert!(pair.errors.is_empty(), "{:?}", pair.errors);
}

#[derive(Debug, Clone)]
enum Act {
    Prompt(u8),
    Image(u8),
    ClearPrompt,
    ClearImage,
    Both(u8),
    Wait(u16),
    CutSocket(u16),
    CutLink,
    Interrupt,
    Restore,
    ServerFails,
    ServerEnds(&'static str),
    Disconnect,
    ConnectAgain,
}

/// What happens to a session that is meant to live on.
fn survivable() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => any::<u8>().prop_map(Act::Prompt),
        3 => any::<u8>().prop_map(Act::Image),
        1 => Just(Act::ClearPrompt),
        1 => Just(Act::ClearImage),
        2 => any::<u8>().prop_map(Act::Both),
        5 => (0_u16..20_000).prop_map(Act::Wait),
        1 => prop_oneof![Just(1000), Just(1001), Just(1006), Just(1011)].prop_map(Act::CutSocket),
        1 => Just(Act::CutLink),
        1 => Just(Act::Interrupt),
        1 => Just(Act::Restore),
    ]
}

fn anything() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => survivable(),
        1 => any::<u16>().prop_map(Act::CutSocket),
        1 => Just(Act::ServerFails),
        1 => prop_oneof![Just("timeout"), Just("error"), Just("disconnect")]
            .prop_map(Act::ServerEnds),
        1 => Just(Act::Disconnect),
        1 => Just(Act::ConnectAgain),
    ]
}

fn change(act: &Act) -> Option<Change> {
    let text = |n: &u8| Setting::Set(Prompt::new(format!("prompt {}", n % 4)));
    let image = |n: &u8| Setting::Set(format!("QUJD{}", n % 4).into());
    Some(match act {
        Act::Prompt(n) => Change { prompt: text(n), image: Setting::Unset },
        Act::Image(n) => Change { prompt: Setting::Unset, image: image(n) },
        Act::ClearPrompt => Change { prompt: Setting::Clear, image: Setting::Unset },
        Act::ClearImage => Change { prompt: Setting::Unset, image: Setting::Clear },
        Act::Both(n) => Change { prompt: text(n), image: image(n) },
        _ => return None,
    })
}

fn act(pair: &mut Pair, act: &Act, timeout: Duration) {
    if let Some(change) = change(act) {
        pair.update(change, timeout);
        return;
    }
    match act {
        Act::Wait(milliseconds) => pair.run(Duration::from_millis((*milliseconds).into())),
        Act::CutSocket(code) => pair.cut_socket(*code),
        Act::CutLink => pair.cut_link(),
        Act::Interrupt => pair.interrupt_link(),
        Act::Restore => pair.restore_link(),
        Act::ServerFails => {
            pair.server_input(ServerInput::Fail(Error::new(ErrorCode::ModelFailed, "boom")));
        }
        Act::ServerEnds(reason) => {
            pair.server_input(ServerInput::End { reason: (*reason).into(), code: 1000 });
        }
        Act::Disconnect => drop(pair.disconnect()),
        Act::ConnectAgain => drop(pair.connect()),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// The rules that `Pair` checks hold over any network, and every call is answered once.
    #[test]
    fn a_misbehaving_network_breaks_no_rule(
        seed in any::<u64>(),
        acts in prop::collection::vec(anything(), 0..40),
        (drop, duplicate, close) in (0.0..0.2, 0.0..0.2, 0.0..0.05),
        (refuse_socket, refuse_update) in (0.0..0.3, 0.0..0.3),
        spread in 0_u64..2000,
    ) {
        let faults = Faults {
            delay: Duration::from_millis(5),
            spread: Duration::from_millis(spread),
            drop, duplicate, close, refuse_socket, refuse_update,
            no_path: false,
        };
        let mut pair = Pair::new(ClientConfig { seed, ..ClientConfig::default() }, faults, seed);
        pair.connect();
        for one in &acts {
            act(&mut pair, one, 15 * SECOND);
        }
        // Longer than a connect may take; the updates' time is shorter.
        pair.run(301 * SECOND);
        pair.check_all_answered();
        pair.disconnect();
        pair.run(120 * SECOND);
        prop_assert_eq!(pair.client.state(), Disconnected);
        prop_assert!(pair.servers.values().all(ServerSession::is_closed));
        pair.check_all_answered();
    }

    /// Over an ordered network nothing is lost, however often the connection is: each update
    /// succeeds, and the service ends up with exactly what was asked for, in order.
    #[test]
    fn losses_lose_no_update(
        seed in any::<u64>(),
        acts in prop::collection::vec(survivable(), 0..40),
    ) {
        let mut config = ClientConfig { seed, ..ClientConfig::default() };
        config.retry.retries = 1000;
        config.timeouts.connect = HOUR;
        let mut pair = Pair::new(config, fine(), seed);
        pair.connect();
        let mut expected = State::default();
        for one in &acts {
            act(&mut pair, one, HOUR);
            if let Some(change) = change(one) {
                expected.apply(&change);
            }
        }
        pair.run(120 * SECOND);
        prop_assert_eq!(pair.client.state(), Generating);
        prop_assert_eq!(pair.server_state(), expected.clone());
        prop_assert_eq!(pair.client.acknowledged(), &expected);
        prop_assert!(pair.answers.values().all(Result::is_ok), "{:?}", pair.answers);
        prop_assert!(pair.errors.is_empty(), "{:?}", pair.errors);
        pair.check_all_answered();
    }
}

fn candidate() -> impl Strategy<Value = Option<IceCandidate>> {
    prop::option::of(Just(IceCandidate {
        candidate: "candidate:1".into(),
        sdp_mid: None,
        sdp_m_line_index: None,
        username_fragment: None,
    }))
}

fn error() -> impl Strategy<Value = Error> {
    (any::<bool>(), Just(ErrorCode::Ice))
        .prop_map(|(retryable, code)| Error::new(code, "broken").retryable(retryable))
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let id = || prop::option::of((0_u8..6).prop_map(|id| id.to_string()));
    prop_oneof![
        Just(ServerMessage::SessionId {
            session_id: "s".into(),
            server_ip: None,
            server_port: None,
            viewer_token: None,
        }),
        (any::<bool>(), 0_u8..3, id()).prop_map(|(success, n, request_id)| {
            let prompt = format!("prompt {n}");
            ServerMessage::PromptAck { prompt, success, error: None, request_id }
        }),
        (any::<bool>(), id()).prop_map(|(success, request_id)| ServerMessage::SetImageAck {
            success,
            error: None,
            request_id
        }),
        Just(ServerMessage::Answer { sdp: "a".into() }),
        Just(ServerMessage::Offer { sdp: "o".into() }),
        candidate().prop_map(|candidate| ServerMessage::IceCandidate { candidate }),
        Just(ServerMessage::GenerationStarted),
        any::<f64>()
            .prop_map(|seconds| ServerMessage::GenerationTick { seconds, service_stats: None }),
        prop_oneof![Just("timeout"), Just("error")].prop_map(|reason| {
            ServerMessage::GenerationEnded { seconds: 1.0, reason: reason.into() }
        }),
        prop_oneof![Just("unauthorized"), Just("busy"), Just("at capacity")]
            .prop_map(|error| ServerMessage::Error { error: error.into(), code: None }),
        Just(ServerMessage::Ready),
    ]
}

fn link_event() -> impl Strategy<Value = LinkEvent> {
    prop_oneof![
        Just(LinkEvent::Signal(LocalSignal::Offer("o".into()))),
        candidate().prop_map(|it| LinkEvent::Signal(LocalSignal::Candidate(it))),
        Just(LinkEvent::Up),
        Just(LinkEvent::Interrupted),
        Just(LinkEvent::Lost("x".into())),
        error().prop_map(LinkEvent::Failed),
    ]
}

/// Inputs in any order, as the newest attempt or the one before would give them.
fn client_input() -> impl Strategy<Value = (bool, u16, ClientInput)> {
    let attempt = 0;
    let input = prop_oneof![
        4 => (0_u8..3).prop_map(|n| ClientInput::Update {
            call: 0, change: prompt(&format!("prompt {n}")), timeout: 5 * SECOND }),
        6 => Just(ClientInput::SocketOpened { attempt }),
        12 => server_message().prop_map(move |message| ClientInput::Received { attempt, message }),
        8 => link_event().prop_map(move |event| ClientInput::Link { attempt, event }),
        1 => error().prop_map(move |error| ClientInput::Malformed { attempt, error }),
        1 => error().prop_map(move |error| ClientInput::SocketFailed { attempt, error }),
        1 => any::<u16>().prop_map(move |code| ClientInput::SocketClosed {
            attempt, code: Some(code), reason: String::new() }),
        4 => Just(ClientInput::Timeout),
    ];
    (prop::bool::weighted(0.9), 0_u16..5000, input)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// No order of inputs makes a client take an illegal step, answer twice, or hang.
    #[test]
    fn a_client_survives_inputs_in_any_order(
        inputs in prop::collection::vec(client_input(), 0..80),
    ) {
        use ClientInput::{SocketClosed, SocketFailed};
        let mut client = ClientSession::new(ClientConfig::default());
        let mut now = std::time::Instant::now();
        let (mut state, mut attempt, mut calls) = (Disconnected, 0, 1);
        let (mut answered, mut socket, mut link, mut over) = (Vec::new(), false, false, false);
        let connect = (true, 0, ClientInput::Connect { call: 0 });
        let end = (true, 0, ClientInput::Disconnect { call: Some(0) });
        for (newest, pause, mut input) in [connect].into_iter().chain(inputs).chain([end]) {
            let from = if newest { attempt } else { attempt - 1 };
            match &mut input {
                ClientInput::Connect { call }
                | ClientInput::Update { call, .. }
                | ClientInput::Disconnect { call: Some(call) } => {
                    *call = calls;
                    calls += 1;
                }
                ClientInput::SocketOpened { attempt }
                | ClientInput::Received { attempt, .. }
                | ClientInput::Malformed { attempt, .. }
                | ClientInput::SocketClosed { attempt, .. }
                | ClientInput::SocketFailed { attempt, .. }
                | ClientInput::Link { attempt, .. } => *attempt = from,
                ClientInput::Disconnect { call: None } | ClientInput::Timeout => {}
            }
            now += Duration::from_millis(pause.into());
            if newest && matches!(input, SocketClosed { .. } | SocketFailed { .. }) {
                socket = false;
            }
            client.handle(now, input);
            while let Some(output) = client.poll() {
                let answer = matches!(output, ClientOutput::Answer { .. });
                prop_assert!(answer || !over, "{:?} after the end", output);
                match output {
                    ClientOutput::OpenSocket { attempt: next } => {
                        prop_assert!(!socket && !link && next == attempt + 1);
                        (attempt, socket) = (next, true);
                    }
                    ClientOutput::CloseSocket { attempt: this } => {
                        prop_assert!(socket && this == attempt);
                        socket = false;
                    }
                    ClientOutput::OpenLink { .. } => {
                        prop_assert!(!link);
                        link = true;
                    }
                    ClientOutput::CloseLink { .. } => {
                        prop_assert!(link);
                        link = false;
                    }
                    ClientOutput::RestartLink { .. } => prop_assert!(link && socket),
                    ClientOutput::Event(event) => {
                        if let parhelion::session::ClientEvent::State(change) = event {
                            let next = change.state;
                            prop_assert!(ConnectionState::can_become(state, next));
                            state = next;
                            over = next == Disconnected;
                        }
                    }
                    ClientOutput::Answer { call, .. } => answered.push(call),
                    ClientOutput::Send { attempt: this, .. }
                    | ClientOutput::Signal { attempt: this, .. } => prop_assert!(this == attempt),
                }
            }
            prop_assert_eq!(client.state(), state);
            let rests = state.is_connected() || state == Disconnected;
            prop_assert!(rests || client.next_timeout().is_some());
        }
        answered.sort_unstable();
        prop_assert_eq!(answered, (1..calls).collect::<Vec<_>>());
    }

    /// No order of inputs makes a server acknowledge twice, out of order, or after its end.
    #[test]
    fn a_server_survives_inputs_in_any_order(
        inputs in prop::collection::vec(server_input(), 0..120),
    ) {
        let mut server = ServerSession::new(ServerConfig::default());
        let mut now = std::time::Instant::now();
        let (mut asked, mut acknowledged, mut last_tick) = (Vec::new(), Vec::new(), 0.0);
        let (mut closed, mut next_id, mut applying) = (false, 0_u32, 0);
        for (pause, mut input) in [(0, ServerInput::Opened)].into_iter().chain(inputs) {
            if let ServerInput::Received(
                ClientMessage::Prompt { request_id, .. } | ClientMessage::SetImage { request_id, .. },
            ) = &mut input
            {
                *request_id = Some(next_id.to_string());
                if !closed {
                    asked.push(next_id);
                }
                next_id += 1;
            }
            if let ServerInput::Applied { update, .. } = &mut input {
                *update += applying;
            }
            now += Duration::from_millis(pause);
            let gone = input == ServerInput::SocketClosed;
            server.handle(now, input);
            let before = closed;
            while let Some(output) = server.poll() {
                prop_assert!(!before, "{:?} after the end", output);
                match output {
                    ServerOutput::Apply { update, .. } => applying = update,
                    ServerOutput::Close { .. } => closed = true,
                    ServerOutput::Send(
                        ServerMessage::PromptAck { request_id, .. }
                        | ServerMessage::SetImageAck { request_id, .. },
                    ) => acknowledged.push(request_id.unwrap().parse::<u32>().unwrap()),
                    ServerOutput::Send(ServerMessage::GenerationTick { seconds, .. }) => {
                        prop_assert!(seconds >= last_tick && seconds.fract() == 0.0);
                        last_tick = seconds;
                    }
                    _ => {}
                }
            }
            closed |= gone;
            prop_assert_eq!(server.is_closed(), closed);
            prop_assert!(closed || server.next_timeout().is_some());
            prop_assert!(asked.starts_with(&acknowledged));
            prop_assert!(!closed || gone || before || acknowledged == asked, "unanswered at the end");
        }
    }
}

fn server_input() -> impl Strategy<Value = (u64, ServerInput)> {
    let prompts = prop_oneof![Just("a".to_owned()), Just(" ".to_owned())];
    let input = prop_oneof![
        12 => prompts.prop_map(|prompt| ServerInput::Received(ClientMessage::Prompt {
            prompt, enhance_prompt: true, request_id: None })),
        8 => Just(ServerInput::Received(ClientMessage::passthrough())),
        3 => Just(ServerInput::Received(ClientMessage::Offer { sdp: "o".into() })),
        3 => candidate().prop_map(|candidate| {
            ServerInput::Received(ClientMessage::IceCandidate { candidate }) }),
        16 => (0_u64..2, any::<bool>()).prop_map(|(update, fine)| ServerInput::Applied {
            update, result: if fine { Ok(()) } else { Err("no".into()) } }),
        3 => Just(ServerInput::Link(ServerLinkEvent::Answered("a".into()))),
        4 => Just(ServerInput::Link(ServerLinkEvent::Up)),
        2 => Just(ServerInput::Link(ServerLinkEvent::Interrupted)),
        6 => Just(ServerInput::Timeout),
        2 => Just(ServerInput::Pong),
        1 => error().prop_map(ServerInput::Malformed),
        1 => prop_oneof![
            Just(ServerInput::SocketClosed),
            Just(ServerInput::End { reason: "error".into(), code: 1000 }),
            Just(ServerInput::Link(ServerLinkEvent::Lost("x".into()))),
            error().prop_map(ServerInput::Fail),
        ],
    ];
    (0_u64..3000, input)
}
