//! A service that misbehaves: each case ends in a way that is written down in docs/network.md.

use std::time::Duration;

use crate::script::{
    CONNECT, Script, answers, config, errors, opens_socket, prompt, request_id, sent, states, wire,
    with_prompt,
};
use parhelion::error::{Error, ErrorCode};
use parhelion::protocol::ClientMessage;
use parhelion::session::ConnectionState::{
    Connected, Connecting, Disconnected, Generating, Reconnecting,
};
use parhelion::session::{
    ClientConfig, ClientInput, ClientOutput, LinkEvent, LocalSignal, Prompt, RetryPolicy,
};

const SECOND: Duration = Duration::from_secs(1);

/// One attempt, no more.
fn once() -> ClientConfig {
    ClientConfig { retry: RetryPolicy { retries: 0, ..RetryPolicy::default() }, ..config() }
}

fn acknowledgement(text: &str, id: &str) -> String {
    format!(r#"{{"type":"prompt_ack","prompt":"{text}","success":true,"request_id":"{id}"}}"#)
}

/// The one answer to the connect, which failed.
fn failure(script: &Script) -> Error {
    let told = answers(&script.seen);
    let [(CONNECT, Err(error))] = told.as_slice() else { panic!("{told:?}") };
    error.clone()
}

// Says nothing.

#[test]
fn a_service_that_accepts_and_says_nothing_costs_a_known_time() {
    let mut script = Script::new(config());
    script.connect();
    let start = script.now;
    // Six attempts, each of which waits for its acknowledgement.
    for attempt in 1..=6 {
        assert_eq!(script.attempt(), attempt);
        script.opened();
        script.wait(30 * SECOND);
        if attempt < 6 {
            assert_eq!(script.session.state(), Connecting);
            script.wait(10 * SECOND);
        }
    }
    let error = failure(&script);
    assert_eq!(error.code, ErrorCode::Timeout);
    assert!(
        error.message.contains("state step") && error.message.contains("6 attempts"),
        "{error}"
    );
    assert!(script.now - start < 300 * SECOND);
    assert_eq!(states(&script.seen), [Connecting, Disconnected]);
}

#[test]
fn a_service_that_falls_silent_fails_what_waits_and_nothing_else() {
    let mut script = Script::live(config());
    script.update(2, prompt("a"));
    let outputs = script.wait(15 * SECOND);
    let (2, Err(error)) = answers(&outputs).remove(0) else { panic!("{outputs:?}") };
    assert_eq!(error.code, ErrorCode::Timeout);
    assert!(script.wait(600 * SECOND).is_empty());
    assert_eq!(script.session.state(), Connected);
    // What was never acknowledged is not in force, here or after a return.
    assert_eq!(script.session.desired().prompt, None);
}

// Acknowledges wrongly.

#[test]
fn an_update_that_nobody_acknowledges_does_not_hold_up_the_next() {
    let mut script = Script::live(config());
    let first = script.update(2, prompt("a"));
    assert!(script.update(3, prompt("b")).is_empty());
    // Both have the same time; the second is given up with the first.
    script.wait(15 * SECOND);
    let next = script.update(4, prompt("c"));
    assert_eq!(sent(&next).len(), 1);
    assert_ne!(request_id(&first), request_id(&next));
    let outputs = script.receive(&acknowledgement("c", &request_id(&next)));
    assert_eq!(answers(&outputs), [(4, Ok(()))]);
}

#[test]
fn what_is_acknowledged_twice_is_answered_once() {
    let mut script = Script::live(config());
    let first = script.update(2, prompt("same"));
    let again = acknowledgement("same", &request_id(&first));
    assert_eq!(answers(&script.receive(&again)), [(2, Ok(()))]);
    assert_eq!(script.receive(&again), []);
    // Nor is the second one taken for the next update, which has the same text.
    let second = script.update(3, prompt("same"));
    assert_eq!(script.receive(&again), []);
    let outputs = script.receive(&acknowledgement("same", &request_id(&second)));
    assert_eq!(answers(&outputs), [(3, Ok(()))]);
}

#[test]
fn a_second_acknowledgement_of_the_initial_state_opens_no_second_link() {
    let mut script = Script::new(with_prompt("p"));
    script.connect();
    script.opened();
    let ack = r#"{"type":"prompt_ack","prompt":"p","success":true}"#;
    assert!(matches!(script.receive(ack).last(), Some(ClientOutput::OpenLink { .. })));
    assert_eq!(script.receive(ack), []);
    script.offer();
    assert_eq!(script.receive(ack), []);
    script.receive(r#"{"type":"answer","sdp":"a"}"#);
    script.link(LinkEvent::Up);
    assert_eq!(script.receive(ack), []);
    assert_eq!(script.session.state(), Connected);
}

#[test]
fn an_acknowledgement_of_somebody_elses_prompt_lets_nobody_in() {
    let mut script = Script::new(ClientConfig { ..with_prompt("mine") });
    script.connect();
    script.opened();
    for other in ["theirs", "MINE", "mine ", ""] {
        let ack = format!(r#"{{"type":"prompt_ack","prompt":"{other}","success":true}}"#);
        assert_eq!(script.receive(&ack), [], "{other}");
    }
    assert_eq!(script.receive(r#"{"type":"set_image_ack","success":true}"#), []);
    assert_eq!(script.receive(&acknowledgement("mine", "77")), [], "somebody else's number");
    assert!(states(&script.wait(29 * SECOND)).is_empty());
    let ack = r#"{"type":"prompt_ack","prompt":"mine","success":true}"#;
    assert!(matches!(script.receive(ack).last(), Some(ClientOutput::OpenLink { .. })));
}

#[test]
fn an_acknowledgement_that_comes_at_once_is_not_missed() {
    // The service answers while the message is still on its way out of this end's queue.
    let mut script = Script::live(config());
    let attempt = script.attempt();
    let change = ClientInput::Update { call: 2, change: prompt("a"), timeout: 15 * SECOND };
    script.session.handle(script.now, change);
    let message = crate::script::server(r#"{"type":"prompt_ack","prompt":"a","success":true}"#);
    script.session.handle(script.now, ClientInput::Received { attempt, message });
    let outputs: Vec<_> = std::iter::from_fn(|| script.session.poll()).collect();
    assert_eq!(answers(&outputs), [(2, Ok(()))]);
}

#[test]
fn a_refusal_is_shown_in_bounded_length_and_without_the_key() {
    let mut script = Script::live(config());
    script.update(2, prompt("a"));
    let text = format!("no: wss://h/?api_key=s3cret&x {}", "x".repeat(1_000_000));
    let outputs = script.receive(&format!(
        r#"{{"type":"prompt_ack","prompt":"a","success":false,"error":"{text}"}}"#
    ));
    let (2, Err(error)) = answers(&outputs).remove(0) else { panic!("{outputs:?}") };
    assert!(error.message.starts_with("no: wss://h/?api_key=***&x xxx"), "{error}");
    assert!(error.message.len() < 1100);
}

// Restarts as something else.

#[test]
fn a_service_that_restarts_under_another_name_is_followed() {
    let named = |name: &str| {
        format!(r#"{{"type":"session_id","session_id":"{name}","server_ip":"h","server_port":1}}"#)
    };
    let mut script = Script::live(with_prompt("p"));
    script.receive(&named("before"));
    script.closed(1012, "restarting");
    assert_eq!(script.session.session_id(), None, "the old name is good for nothing");
    let outputs = script.go_live();
    assert_eq!(wire(&outputs)[0]["prompt"], "p");
    script.receive(&named("after"));
    assert_eq!(script.session.session_id(), Some("after"));
    // Even in the middle of a session the newest name counts.
    script.receive(&named("renamed"));
    assert_eq!(script.session.session_id(), Some("renamed"));
    assert_eq!(script.session.state(), Connected);
}

#[test]
fn a_service_that_restarts_without_the_model_is_left_with_one_error() {
    let mut script = Script::live(config());
    script.update(2, prompt("waits"));
    script.closed(1006, "");
    script.opened();
    script.receive(r#"{"type":"error","error":"invalid session: unknown model \"mirage\""}"#);
    script.closed(1008, "unknown model");
    let told = errors(&script.seen);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].code, told[0].retryable), (ErrorCode::ModelNotFound, false));
    assert_eq!(told[0].operation.as_deref(), Some("reconnect"));
    assert_eq!(script.session.state(), Disconnected);
    assert!(!opens_socket(&script.wait(600 * SECOND)));
    assert_eq!(answers(&script.seen).len(), 2, "the connect and the update are both answered");
}

#[test]
fn a_service_that_restarts_with_another_codec_is_left_with_one_error() {
    let mut script = Script::live(config());
    script.closed(1006, "");
    script.opened();
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.offer();
    script.receive(r#"{"type":"answer","sdp":"VP9 only"}"#);
    let error = Error::new(ErrorCode::Signaling, "no video codec in common").retryable(false);
    let outputs = script.link(LinkEvent::Failed(error));
    assert_eq!(states(&outputs), [Disconnected]);
    let told = errors(&script.seen);
    assert_eq!(told.len(), 1);
    assert!(told[0].message.contains("no video codec in common"), "{}", told[0]);
    assert!(!opens_socket(&script.wait(600 * SECOND)));
}

// Full when the client comes back.

#[test]
fn a_service_that_is_full_on_the_way_back_is_tried_until_there_is_room() {
    let mut script = Script::live(with_prompt("p"));
    script.wait(10 * SECOND);
    let lost = script.now;
    script.closed(1006, "");
    for _ in 0..3 {
        script.opened();
        script.receive(r#"{"type":"error","error":"Server at capacity. Please try again later."}"#);
        script.closed(1013, "full");
        assert_eq!(script.session.state(), Reconnecting);
        let at = script.session.next_timeout().unwrap();
        assert!(opens_socket(&script.wait(at - script.now)));
    }
    assert_eq!(wire(&script.go_live())[0]["prompt"], "p");
    assert_eq!(script.session.state(), Connected);
    assert!(errors(&script.seen).is_empty());
    assert_eq!((script.now - lost).as_millis(), 500 + 1000 + 2000);
}

#[test]
fn a_service_that_stays_full_on_the_way_back_is_left_in_its_own_words() {
    let mut config = config();
    config.retry.return_retries = Some(5);
    let mut script = Script::live(config);
    script.wait(10 * SECOND);
    let mut outputs = script.closed(1006, "");
    let mut attempts = 0;
    while script.session.state() == Reconnecting {
        if opens_socket(&outputs) {
            attempts += 1;
            script.opened();
            script.receive(r#"{"type":"error","error":"Concurrent session limit reached."}"#);
            outputs = script.closed(1013, "");
        } else {
            let at = script.session.next_timeout().unwrap();
            outputs = script.wait(at - script.now);
        }
    }
    assert_eq!(attempts, 6);
    let told = errors(&script.seen);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].code, told[0].retryable), (ErrorCode::AtCapacity, true));
    assert!(told[0].message.contains("Concurrent session limit reached."), "{}", told[0]);
}

// Closes in every phase.

/// Every phase of a first connect, by what has happened before it.
const PHASES: [&str; 6] = ["socket", "state", "offer", "answer", "link", "live"];

fn until(phase: &str, config: ClientConfig) -> Script {
    let mut script = Script::new(config);
    script.connect();
    for passed in PHASES.iter().take_while(|passed| **passed != phase) {
        match *passed {
            "socket" => script.opened(),
            "state" => script.receive(r#"{"type":"set_image_ack","success":true}"#),
            "offer" => script.offer(),
            "answer" => script.receive(r#"{"type":"answer","sdp":"a"}"#),
            _ => script.link(LinkEvent::Up),
        };
    }
    script
}

#[test]
fn a_close_in_any_phase_leads_somewhere_at_once() {
    for phase in PHASES {
        for code in [1000, 1001, 1006, 1011, 1012, 1013, 1008, 4000, 4999, 0, u16::MAX] {
            let mut script = until(phase, config());
            let outputs = script.closed(code, "why");
            let over = matches!(code, 1008 | 4000..=4999);
            let full_when_live = phase == "live" && code == 1013;
            let state = script.session.state();
            match (phase, over || full_when_live) {
                (_, true) => assert_eq!(state, Disconnected, "{phase} {code}"),
                ("live", false) => assert_eq!(state, Reconnecting, "{code}"),
                (_, false) => assert_eq!(state, Connecting, "{phase} {code}"),
            }
            let told = errors(&outputs);
            assert_eq!(told.len(), usize::from(state == Disconnected), "{phase} {code}: {told:?}");
            if state != Disconnected {
                let again = opens_socket(&outputs) || opens_socket(&script.wait(SECOND));
                assert!(again, "{phase} {code}: not tried again");
            }
        }
    }
}

#[test]
fn the_last_attempt_that_is_closed_in_any_phase_names_its_step() {
    for phase in &PHASES[..5] {
        let mut script = until(phase, once());
        script.closed(1011, "crashed");
        let error = failure(&script);
        let step = if *phase == "link" { "ice" } else { phase };
        assert!(error.message.contains(&format!("at the {step} step")), "{phase}: {error}");
        assert!(error.message.contains("crashed") && error.hint.is_some(), "{phase}: {error}");
    }
}

// Says things in the wrong order.

#[test]
fn messages_of_the_handshake_may_come_in_any_order_and_none_does_harm() {
    const MESSAGES: [&str; 6] = [
        r#"{"type":"session_id","session_id":"s","server_ip":"h","server_port":1}"#,
        r#"{"type":"set_image_ack","success":true}"#,
        r#"{"type":"answer","sdp":"a"}"#,
        r#"{"type":"ice-candidate","candidate":{"candidate":"candidate:1"}}"#,
        r#"{"type":"generation_started"}"#,
        r#"{"type":"generation_tick","seconds":1}"#,
    ];
    for order in permutations(MESSAGES.len()) {
        let mut script = Script::new(once());
        script.connect();
        script.opened();
        for &index in &order {
            let outputs = script.receive(MESSAGES[index]);
            if outputs.iter().any(|output| matches!(output, ClientOutput::OpenLink { .. })) {
                script.offer();
            }
        }
        script.link(LinkEvent::Up);
        let place = |index| order.iter().position(|&at| at == index);
        if place(1) < place(2) {
            // The answer to an offer that was made: all is well, whatever came when.
            assert_eq!(script.session.state(), Generating, "{order:?}");
            assert_eq!(script.session.session_id(), Some("s"));
        } else {
            // An answer to nothing is none.
            script.wait(31 * SECOND);
            let error = failure(&script);
            assert_eq!(error.code, ErrorCode::Timeout);
            assert!(error.message.contains("answer step"), "{order:?}: {error}");
        }
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for next in 0..count {
        all = all
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, next);
                    longer
                })
            })
            .collect();
    }
    all
}

#[test]
fn a_second_answer_is_not_heard() {
    let mut script = Script::live(config());
    assert_eq!(script.receive(r#"{"type":"answer","sdp":"another"}"#), []);
    assert_eq!(script.session.state(), Connected);
}

#[test]
fn an_offer_of_the_service_is_passed_over() {
    // The client makes the offers; what a service offers would be another session's media.
    for phase in &PHASES[1..] {
        let mut script = until(phase, config());
        let state = script.session.state();
        assert_eq!(script.receive(r#"{"type":"offer","sdp":"o"}"#), [], "{phase}");
        assert_eq!(script.receive(r#"{"type":"ready"}"#), [], "{phase}");
        assert_eq!(script.session.state(), state);
    }
}

#[test]
fn a_service_that_says_too_early_that_it_generates_is_believed_when_media_flows() {
    for phase in &PHASES[1..5] {
        let mut script = until(phase, config());
        let outputs = script.receive(r#"{"type":"generation_started"}"#);
        assert!(states(&outputs).is_empty(), "{phase}");
        assert!(answers(&outputs).is_empty(), "{phase}: the connect has not succeeded");
    }
}

#[test]
fn the_end_of_our_candidates_is_said() {
    let mut script = until("answer", config());
    let outputs = script.link(LinkEvent::Signal(LocalSignal::Candidate(None)));
    assert_eq!(sent(&outputs), [ClientMessage::IceCandidate { candidate: None }]);
    assert_eq!(wire(&outputs)[0]["candidate"], serde_json::Value::Null);
}

// Says too much.

#[test]
fn candidates_that_wait_are_bounded_in_size_too() {
    let mut script = until("answer", config());
    let long = "c".repeat(1100);
    let candidate = format!(r#"{{"type":"ice-candidate","candidate":{{"candidate":"{long}"}}}}"#);
    for _ in 0..10 {
        script.receive(&candidate);
    }
    let outputs = script.receive(r#"{"type":"answer","sdp":"a"}"#);
    assert_eq!(outputs.len(), 1, "the answer alone: {outputs:?}");
}

#[test]
fn a_flood_is_passed_on_and_kept_nowhere() {
    let mut script = Script::live(config());
    for (message, each) in [
        (r#"{"type":"generation_tick","seconds":1}"#, 1),
        (r#"{"type":"queue_position","position":5}"#, 1),
        (r#"{"type":"new"}"#, 1),
        (r#"{"type":"error","error":"x"}"#, 1),
        (r#"{"type":"prompt_ack","prompt":"x","success":true}"#, 0),
        (r#"{"type":"set_image_ack","success":false}"#, 0),
        (r#"{"type":"answer","sdp":"x"}"#, 0),
        (r#"{"type":"generation_started"}"#, 0),
    ] {
        script.receive(message);
        for _ in 0..2000 {
            let attempt = script.attempt();
            let message = crate::script::server(message);
            script.session.handle(script.now, ClientInput::Received { attempt, message });
            assert_eq!(std::iter::from_fn(|| script.session.poll()).count(), each);
        }
    }
    assert!(script.session.state().is_connected());
    assert_eq!(script.session.desired().prompt, None::<Prompt>);
}

#[test]
fn a_service_that_loses_every_connection_at_once_is_left_in_a_known_time() {
    // It lets the client in, every time, and closes before anything was seen.
    let mut script = Script::live(config());
    let (start, mut returns) = (script.now, 0);
    while script.session.state() != Disconnected {
        assert!(returns < 100, "no end of it");
        let mut outputs = script.closed(1001, "");
        while script.session.state() == Reconnecting && !opens_socket(&outputs) {
            let at = script.session.next_timeout().unwrap();
            outputs = script.wait(at - script.now);
        }
        if opens_socket(&outputs) {
            returns += 1;
            script.go_live();
        }
    }
    // After half a second, then 1, 2, 4, 8 and every 10 s, for as long as a return may take.
    assert_eq!(returns, 34);
    assert_eq!((script.now - start).as_secs(), 300);
    assert_eq!(errors(&script.seen).len(), 1);
}
