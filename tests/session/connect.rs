//! A client makes a connection: the order of the steps, and how a step that fails is told.

use std::time::Duration;

use crate::script::{
    CONNECT, Script, answers, config, errors, opens_socket, prompt, sent, states, wire, with_prompt,
};
use parhelion::error::{Error, ErrorCode};
use parhelion::session::ConnectionState::{
    Connected, Connecting, Disconnected, Generating, Reconnecting,
};
use parhelion::session::{
    ClientConfig, ClientEvent, ClientInput, ClientOutput, LinkEvent, LocalSignal, Prompt,
    RemoteSignal, State,
};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nothing_is_offered_before_the_state_is_acknowledged() {
    let mut script = Script::new(with_prompt("anime"));
    let outputs = script.connect();
    assert_eq!(states(&outputs), [Connecting]);
    assert!(opens_socket(&outputs));

    let outputs = script.opened();
    assert_eq!(
        wire(&outputs),
        [json!({"type": "prompt", "prompt": "anime", "enhance_prompt": true})]
    );
    assert!(!outputs.contains(&ClientOutput::OpenLink { attempt: 1 }));

    let outputs = script.receive(r#"{"type":"prompt_ack","prompt":"anime","success":true}"#);
    assert!(outputs.contains(&ClientOutput::OpenLink { attempt: 1 }));

    let outputs = script.offer();
    assert_eq!(wire(&outputs), [json!({"type": "offer", "sdp": "our offer"})]);
    let outputs = script.link(LinkEvent::Signal(LocalSignal::Candidate(None)));
    assert_eq!(wire(&outputs), [json!({"type": "ice-candidate", "candidate": null})]);

    let outputs = script.receive(r#"{"type":"answer","sdp":"their answer"}"#);
    let signal = RemoteSignal::Answer("their answer".into());
    assert_eq!(outputs, [ClientOutput::Signal { attempt: 1, signal }]);
    assert!(answers(&script.seen).is_empty());

    let outputs = script.link(LinkEvent::Up);
    assert_eq!(states(&outputs), [Connected]);
    assert_eq!(answers(&outputs), [(CONNECT, Ok(()))]);
    assert_eq!(script.session.next_timeout(), None);
}

#[test]
fn the_first_message_carries_the_whole_state() {
    let image = || Some("QUJD".into());
    for (initial, expected) in [
        (State::default(), json!({"type": "set_image", "image_data": null, "prompt": null})),
        (
            State { prompt: None, image: image() },
            json!({"type": "set_image", "image_data": "QUJD"}),
        ),
        (
            State { prompt: Some(Prompt { text: "p".into(), enhance: false }), image: image() },
            json!({"type": "set_image", "image_data": "QUJD", "prompt": "p",
                   "enhance_prompt": false}),
        ),
    ] {
        let mut script = Script::new(ClientConfig { initial, ..config() });
        script.connect();
        let outputs = script.opened();
        assert_eq!(wire(&outputs), [expected]);
        assert!(!sent(&outputs)[0].to_json().contains("request_id"));
    }
}

#[test]
fn a_viewer_offers_first_and_changes_nothing() {
    let mut script = Script::new(ClientConfig { receive_only: true, ..config() });
    script.connect();
    assert!(script.opened().contains(&ClientOutput::OpenLink { attempt: 1 }));
    script.offer();
    script.receive(r#"{"type":"answer","sdp":"a"}"#);
    assert_eq!(answers(&script.link(LinkEvent::Up)), [(CONNECT, Ok(()))]);
    let outputs = script.update(2, prompt("x"));
    let (_, result) = &answers(&outputs)[0];
    assert_eq!(result.as_ref().unwrap_err().code, ErrorCode::InvalidState);
}

#[test]
fn candidates_before_the_answer_wait_for_it() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.offer();
    let candidate = r#"{"type":"ice-candidate","candidate":{"candidate":"candidate:1"}}"#;
    assert_eq!(script.receive(candidate), []);
    assert_eq!(script.receive(r#"{"type":"ice-candidate","candidate":null}"#), []);
    let outputs = script.receive(r#"{"type":"answer","sdp":"a"}"#);
    assert!(matches!(
        outputs.as_slice(),
        [
            ClientOutput::Signal { signal: RemoteSignal::Answer(_), .. },
            ClientOutput::Signal { signal: RemoteSignal::Candidate(Some(_)), .. },
            ClientOutput::Signal { signal: RemoteSignal::Candidate(None), .. },
        ]
    ));
}

#[test]
fn candidates_that_wait_are_bounded() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    for _ in 0..1000 {
        script.receive(r#"{"type":"ice-candidate","candidate":null}"#);
    }
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    for _ in 0..1000 {
        script.link(LinkEvent::Signal(LocalSignal::Candidate(None)));
    }
    assert_eq!(sent(&script.offer()).len(), 1 + 256);
    assert_eq!(script.receive(r#"{"type":"answer","sdp":"a"}"#).len(), 1 + 256);
}

#[test]
fn our_candidates_never_overtake_our_offer() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    assert_eq!(script.link(LinkEvent::Signal(LocalSignal::Candidate(None))), []);
    let kinds: Vec<_> =
        wire(&script.offer()).iter().map(|message| message["type"].clone()).collect();
    assert_eq!(kinds, ["offer", "ice-candidate"]);
}

#[test]
fn generation_that_starts_early_is_shown_when_media_can_flow() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"generation_started"}"#);
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.offer();
    script.receive(r#"{"type":"answer","sdp":"a"}"#);
    assert_eq!(states(&script.seen), [Connecting]);
    assert!(answers(&script.seen).is_empty());
    assert_eq!(states(&script.link(LinkEvent::Up)), [Connected, Generating]);
}

#[test]
fn a_session_id_may_come_late_or_never() {
    let mut script = Script::live(config());
    assert_eq!(script.session.session_id(), None);
    let outputs = script.receive(r#"{"type":"session_id","sessionId":"s-1"}"#);
    assert_eq!(script.session.session_id(), Some("s-1"));
    assert!(matches!(
        outputs.as_slice(),
        [ClientOutput::Event(ClientEvent::SessionId { server_ip: None, .. })]
    ));
}

#[test]
fn a_close_during_the_handshake_is_noticed_at_once() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.offer();
    let outputs = script.closed(1000, "");
    assert!(outputs.contains(&ClientOutput::CloseLink { attempt: 1 }));
    assert!(opens_socket(&script.wait(SECOND)));
}

#[test]
fn attempts_follow_the_schedule_and_the_last_failure_is_explained() {
    let mut script = Script::new(config());
    let start = script.now;
    script.connect();
    let mut times = vec![0];
    loop {
        let outputs = script.failed(Error::new(ErrorCode::WebSocket, "connection refused"));
        if !answers(&outputs).is_empty() {
            break;
        }
        let at = script.session.next_timeout().unwrap();
        script.wait(at - script.now);
        times.push((script.now - start).as_millis());
    }
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15_500]);
    let (call, result) = answers(&script.seen).remove(0);
    let error = result.unwrap_err();
    assert_eq!((call, error.code), (CONNECT, ErrorCode::WebSocket));
    assert_eq!(error.operation.as_deref(), Some("connect"));
    assert_eq!(
        error.message,
        "connect failed at the socket step after 15.5 s and 6 attempts: connection refused"
    );
    assert!(error.hint.unwrap().contains("base URL"));
    assert_eq!(states(&script.seen), [Connecting, Disconnected]);
    assert_eq!(errors(&script.seen).len(), 1);
}

#[test]
fn each_step_that_hangs_is_named() {
    let opened: fn(&mut Script) = |script| drop(script.opened());
    let acknowledged: fn(&mut Script) =
        |script| drop(script.receive(r#"{"type":"set_image_ack","success":true}"#));
    let offered: fn(&mut Script) = |script| drop(script.offer());
    let answered: fn(&mut Script) = |script| drop(script.receive(r#"{"type":"answer","sdp":"a"}"#));
    let all = [opened, acknowledged, offered, answered];
    for (count, step, code, after) in [
        (0, "socket", ErrorCode::Timeout, "15.0 s"),
        (1, "state", ErrorCode::Timeout, "30.0 s"),
        (2, "offer", ErrorCode::Timeout, "30.0 s"),
        (3, "answer", ErrorCode::Timeout, "30.0 s"),
        (4, "ice", ErrorCode::Ice, "30.0 s"),
    ] {
        let mut config = config();
        config.retry.retries = 0;
        let mut script = Script::new(config);
        script.connect();
        all[..count].iter().for_each(|act| act(&mut script));
        let outputs = script.wait(60 * SECOND);
        let error = answers(&outputs).remove(0).1.unwrap_err();
        let expected = format!("connect failed at the {step} step after {after}");
        assert!(error.message.starts_with(&expected), "{error}");
        assert_eq!(error.code, code);
        assert!(error.hint.is_some());
    }
}

#[test]
fn the_whole_connect_has_a_deadline() {
    let mut config = config();
    config.timeouts.connect = 20 * SECOND;
    let mut script = Script::new(config);
    script.connect();
    let outputs = script.wait(60 * SECOND);
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert!(error.message.contains("after 20.0 s and 2 attempts"), "{error}");
    assert_eq!(error.code, ErrorCode::Timeout);
}

#[test]
fn a_refused_key_is_final_and_costs_one_attempt() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    let outputs = script.receive(r#"{"type":"error","error":"Invalid API key"}"#);
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::InvalidApiKey, false));
    assert!(error.message.contains("authorisation step"), "{error}");
    assert!(!opens_socket(&script.wait(60 * SECOND)));
}

#[test]
fn a_refused_upgrade_is_final_by_its_code_not_by_its_words() {
    let mut script = Script::new(config());
    script.connect();
    let outputs =
        script.failed(Error::new(ErrorCode::WebSocket, "GET ws://h/?api_key=401x failed"));
    assert!(answers(&outputs).is_empty());
    assert!(opens_socket(&script.wait(SECOND)));
    let outputs = script.failed(Error::new(ErrorCode::InvalidApiKey, "refused with HTTP 401"));
    assert_eq!(answers(&outputs).len(), 1);
}

#[test]
fn a_full_service_is_tried_again() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"error","error":"Concurrent session limit reached."}"#);
    let outputs = script.closed(1013, "Session Limit Reached");
    assert!(answers(&outputs).is_empty());
    assert!(opens_socket(&script.wait(SECOND)));
    script.go_live();
    assert_eq!(answers(&script.seen), [(CONNECT, Ok(()))]);
}

#[test]
fn a_service_that_stays_full_says_so_in_its_own_words() {
    let mut config = config();
    config.retry.retries = 0;
    let mut script = Script::new(config);
    script.connect();
    script.opened();
    script.receive(r#"{"type":"error","error":"all places are taken"}"#);
    let outputs = script.closed(1013, "");
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::AtCapacity, true));
    assert!(error.message.ends_with("all places are taken"), "{error}");
}

#[test]
fn the_close_code_after_an_error_decides_whether_it_is_final() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"error","error":"no such resolution"}"#);
    let outputs = script.closed(1008, "");
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert!(error.message.ends_with("no such resolution") && !error.retryable, "{error:?}");
}

#[test]
fn an_error_without_a_close_fails_the_attempt_soon() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"error","error":"out of memory"}"#);
    let outputs = script.wait(SECOND / 2);
    assert!(outputs.contains(&ClientOutput::CloseSocket { attempt: 1 }));
    assert!(opens_socket(&script.wait(SECOND)));
}

#[test]
fn a_refused_initial_state_is_not_sent_again() {
    let mut script = Script::new(with_prompt("bad words"));
    script.connect();
    script.opened();
    let outputs = script.receive(
        r#"{"type":"prompt_ack","prompt":"bad words","success":false,"error":"moderated"}"#,
    );
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert!(error.message.contains("state step") && error.message.ends_with("moderated"));
    assert_eq!(error.code, ErrorCode::Server);
}

#[test]
fn a_blank_initial_prompt_never_reaches_the_socket() {
    let mut script = Script::new(with_prompt(" "));
    let outputs = script.connect();
    assert!(!opens_socket(&outputs));
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidInput);
}

#[test]
fn a_frame_that_cannot_be_read_explains_the_step_that_hangs() {
    let mut config = config();
    config.retry.retries = 0;
    let mut script = Script::new(config);
    script.connect();
    script.opened();
    let error = Error::new(ErrorCode::Signaling, "malformed `set_image_ack`");
    script.input(ClientInput::Malformed { attempt: 1, error });
    let outputs = script.wait(31 * SECOND);
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert!(error.message.contains("malformed `set_image_ack`"), "{error}");
}

#[test]
fn disconnect_works_from_every_step_and_twice() {
    for steps in 0..=6 {
        let mut script = Script::new(config());
        let acts: [fn(&mut Script); 6] = [
            |script| drop(script.connect()),
            |script| drop(script.opened()),
            |script| drop(script.receive(r#"{"type":"set_image_ack","success":true}"#)),
            |script| drop(script.offer()),
            |script| drop(script.receive(r#"{"type":"answer","sdp":"a"}"#)),
            |script| drop(script.link(LinkEvent::Up)),
        ];
        acts[..steps].iter().for_each(|act| act(&mut script));
        let outputs = script.input(ClientInput::Disconnect { call: Some(9) });
        assert_eq!(script.session.state(), Disconnected);
        assert_eq!(answers(&outputs).last(), Some(&(9, Ok(()))));
        let connect = answers(&script.seen).into_iter().find(|(call, _)| *call == CONNECT);
        match (steps, connect) {
            (0, answer) => assert_eq!(answer, None),
            (6, answer) => assert_eq!(answer, Some((CONNECT, Ok(())))),
            (_, answer) => {
                assert_eq!(answer.unwrap().1.unwrap_err().code, ErrorCode::Disconnected);
            }
        }
        let again = script.input(ClientInput::Disconnect { call: Some(10) });
        assert_eq!(again, [ClientOutput::Answer { call: 10, result: Ok(()) }]);
        assert_eq!(script.session.next_timeout(), None);
        assert!(!states(&script.seen).contains(&Reconnecting));
        let update = script.update(11, prompt("x"));
        let error = answers(&update).remove(0).1.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidState);
        assert!(error.message.contains("disconnected") && error.hint.unwrap().contains("allowed"));
    }
}

#[test]
fn a_session_connects_once() {
    let mut script = Script::live(config());
    let outputs = script.input(ClientInput::Connect { call: 5 });
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidState);
    assert_eq!(script.session.state(), Connected);
}

/// A client in a queue, at the step of the answer.
fn queued(config: ClientConfig) -> Script {
    let mut script = Script::new(config);
    script.connect();
    script.opened();
    script.receive(r#"{"type":"queue_position","position":2,"queue_position":2,"queue_size":3}"#);
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.offer();
    script
}

#[test]
fn no_step_is_late_while_the_client_stands_in_a_queue() {
    let mut script = queued(config());
    assert_eq!(script.wait(250 * SECOND), [], "the answer is late, and nobody minds");
    let outputs = script.receive(r#"{"type":"queue_position","position":1,"queue_size":2}"#);
    let event = ClientEvent::QueuePosition { position: 1, size: Some(2) };
    assert_eq!(outputs, [ClientOutput::Event(event)]);
    script.receive(r#"{"type":"session_id","session_id":"s"}"#);
    script.receive(r#"{"type":"answer","sdp":"their answer"}"#);
    assert_eq!(states(&script.link(LinkEvent::Up)), [Connected]);
}

#[test]
fn a_service_may_also_hold_the_acknowledgement_back() {
    let mut script = Script::new(config());
    script.connect();
    script.opened();
    script.receive(r#"{"type":"queue_position","position":1}"#);
    assert_eq!(script.wait(200 * SECOND), []);
    let outputs = script.receive(r#"{"type":"set_image_ack","success":true}"#);
    assert!(outputs.contains(&ClientOutput::OpenLink { attempt: 1 }));
}

#[test]
fn a_step_has_its_full_time_again_once_the_client_is_let_in() {
    for let_in in [
        r#"{"type":"session_id","session_id":"s"}"#,
        r#"{"type":"queue_position","position":0,"queue_size":0}"#,
    ] {
        let mut script = queued(config());
        script.wait(200 * SECOND);
        script.receive(let_in);
        assert_eq!(script.wait(29 * SECOND), [], "{let_in}");
        let text = format!("{:?}", script.wait(2 * SECOND));
        assert!(text.contains("did not answer the offer"), "{let_in}: {text}");
    }
}

#[test]
fn a_connect_that_spends_its_time_in_the_queue_says_so() {
    let mut script = queued(config());
    let outputs = script.wait(301 * SECOND);
    let (_, result) = &answers(&outputs)[0];
    let error = result.as_ref().unwrap_err();
    assert_eq!(error.code, ErrorCode::Timeout);
    assert!(error.message.contains("position 2 of 3 of its queue"), "{error}");
    assert!(error.hint.as_ref().unwrap().contains("timeout="), "{error}");
}

#[test]
fn a_place_in_the_queue_is_lost_with_the_socket() {
    let mut script = queued(config());
    script.closed(1006, "");
    assert!(opens_socket(&script.wait(2 * SECOND)));
    script.opened();
    // The new socket is in no queue until the service says so.
    let text = format!("{:?}", script.wait(31 * SECOND));
    assert!(text.contains("did not acknowledge the initial state"), "{text}");
}
