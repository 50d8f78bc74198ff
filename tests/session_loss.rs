//! A connection is lost: when it is made again, with what state, and when it is not.

#[path = "common/script.rs"]
#[allow(dead_code)]
mod script;

use std::time::Duration;

use parhelion::error::{Error, ErrorCode};
use parhelion::session::ConnectionState::{Connected, Disconnected, Generating, Reconnecting};
use parhelion::session::{
    ClientConfig, ClientEvent, ClientInput, ClientOutput, LinkEvent, Prompt, State,
};
use script::{
    Script, answers, config, errors, opens_socket, prompt, sent, server, states, wire, with_prompt,
};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

fn acknowledge(script: &mut Script, text: &str) {
    script.receive(&format!(r#"{{"type":"prompt_ack","prompt":"{text}","success":true}}"#));
}

#[test]
fn the_newest_acknowledged_state_returns_before_media() {
    let mut script = Script::live(with_prompt("initial"));
    script.update(2, prompt("newest"));
    acknowledge(&mut script, "newest");
    script.wait(60 * SECOND);
    let outputs = script.closed(1006, "");
    assert_eq!(states(&outputs), [Reconnecting]);
    assert!(opens_socket(&outputs), "the first return is immediate");
    assert_eq!(*script.session.acknowledged(), State::default());
    let outputs = script.go_live();
    assert_eq!(
        wire(&outputs)[0],
        json!({"type": "prompt", "prompt": "newest", "enhance_prompt": true})
    );
    assert_eq!(states(&outputs), [Connected]);
    assert_eq!(script.session.acknowledged().prompt, Some(Prompt::new("newest")));
    assert!(errors(&script.seen).is_empty());
    assert!(outputs.iter().any(|output| matches!(
        output,
        ClientOutput::Event(ClientEvent::Reconnect {
            attempt: 1,
            max_attempts: 6,
            error: None,
            ..
        })
    )));
}

#[test]
fn an_update_under_way_survives_the_loss_and_is_answered_once() {
    let mut script = Script::live(with_prompt("initial"));
    script.update(2, prompt("newest"));
    script.update(3, script::image("QQ=="));
    let outputs = script.closed(1006, "");
    assert!(answers(&outputs).is_empty());
    let outputs = script.go_live();
    assert_eq!(
        wire(&outputs)[0],
        json!({"type": "set_image", "image_data": "QQ==", "prompt": "newest",
               "enhance_prompt": true})
    );
    assert_eq!(answers(&outputs), [(2, Ok(())), (3, Ok(()))]);
}

#[test]
fn an_update_that_expires_during_the_loss_is_not_sent() {
    let mut script = Script::live(with_prompt("initial"));
    script.update(2, prompt("newest"));
    script.closed(1006, "");
    let outputs = script.wait(16 * SECOND);
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert_eq!(error.code, ErrorCode::Timeout);
    let outputs = script.go_live();
    assert_eq!(wire(&outputs)[0]["prompt"], "initial");
}

#[test]
fn endings_for_good_are_not_retried() {
    for reason in ["insufficient_credits", "moderation_violation", "timeout"] {
        let mut script = Script::live(config());
        script.update(2, prompt("x"));
        let message = format!(r#"{{"type":"generation_ended","seconds":7,"reason":"{reason}"}}"#);
        let outputs = script.receive(&message);
        assert_eq!(states(&outputs), [Disconnected]);
        let error = errors(&outputs).remove(0);
        assert_eq!((error.code, error.retryable), (ErrorCode::SessionEnded, false));
        assert!(error.message.contains(reason));
        assert_eq!(answers(&outputs), [(2, Err(error))]);
        script.closed(1000, "");
        assert!(!opens_socket(&script.wait(60 * SECOND)));
    }
}

#[test]
fn other_endings_are_followed_by_a_return() {
    for reason in ["disconnect", "error", "somewhere_else"] {
        let mut script = Script::live(config());
        let message = format!(r#"{{"type":"generation_ended","seconds":7.5,"reason":"{reason}"}}"#);
        assert!(states(&script.receive(&message)).is_empty());
        assert_eq!(states(&script.closed(1011, "")), [Reconnecting]);
    }
}

#[test]
fn close_codes_decide_whether_a_return_can_help() {
    for (code, last, error_code) in [
        (1000, Reconnecting, None),
        (1001, Reconnecting, None),
        (1006, Reconnecting, None),
        (1011, Reconnecting, None),
        (1008, Disconnected, Some(ErrorCode::SessionEnded)),
        (1013, Disconnected, Some(ErrorCode::AtCapacity)),
        (4000, Disconnected, Some(ErrorCode::SessionEnded)),
        (4999, Disconnected, Some(ErrorCode::SessionEnded)),
    ] {
        let mut script = Script::live(config());
        let outputs = script.closed(code, "because");
        assert_eq!(states(&outputs), [last], "{code}");
        let told: Vec<_> = errors(&outputs).iter().map(|error| error.code).collect();
        assert_eq!(told, Vec::from_iter(error_code), "{code}");
    }
}

#[test]
fn an_error_and_the_close_after_it_are_one_error() {
    let mut script = Script::live(config());
    script.receive(r#"{"type":"error","error":"Insufficient credits"}"#);
    script.receive(r#"{"type":"generation_ended","seconds":9,"reason":"insufficient_credits"}"#);
    script.closed(1008, "");
    assert_eq!(errors(&script.seen).len(), 1);
    assert_eq!(errors(&script.seen)[0].message, "Insufficient credits");
    assert_eq!(script.session.state(), Disconnected);

    let mut script = Script::live(config());
    script.receive(r#"{"type":"error","error":"unauthorized: the token was withdrawn"}"#);
    script.closed(1000, "");
    assert_eq!(errors(&script.seen).len(), 1);
    assert_eq!(script.session.state(), Disconnected);
}

#[test]
fn an_old_error_does_not_make_a_later_loss_final() {
    let mut script = Script::live(config());
    script.receive(r#"{"type":"error","error":"that prompt is not allowed"}"#);
    script.wait(60 * SECOND);
    assert_eq!(states(&script.closed(1006, "")), [Reconnecting]);
}

#[test]
fn a_short_interruption_keeps_the_session() {
    let mut script = Script::live(config());
    script.receive(r#"{"type":"generation_started"}"#);
    assert_eq!(script.link(LinkEvent::Interrupted), []);
    assert_eq!(script.wait(4 * SECOND), []);
    assert_eq!(script.link(LinkEvent::Up), []);
    assert_eq!(script.wait(60 * SECOND), []);
    assert_eq!(script.session.state(), Generating);
}

#[test]
fn a_long_interruption_is_a_loss() {
    let mut script = Script::live(config());
    script.link(LinkEvent::Interrupted);
    script.wait(3 * SECOND);
    script.link(LinkEvent::Interrupted);
    let outputs = script.wait(2 * SECOND);
    assert_eq!(states(&outputs), [Reconnecting]);
    assert!(outputs.contains(&ClientOutput::CloseLink { attempt: 1 }));
    assert!(outputs.contains(&ClientOutput::CloseSocket { attempt: 1 }));
    assert!(outputs.contains(&ClientOutput::OpenSocket { attempt: 2 }));
}

#[test]
fn what_an_earlier_attempt_says_is_not_heard() {
    let mut script = Script::live(config());
    script.link(LinkEvent::Lost("gone".into()));
    assert_eq!(script.attempt(), 2);
    let attempt = 1;
    let error = Error::new(ErrorCode::WebSocket, "late");
    for input in [
        ClientInput::SocketClosed { attempt, code: Some(1008), reason: String::new() },
        ClientInput::SocketFailed { attempt, error: error.clone() },
        ClientInput::SocketOpened { attempt },
        ClientInput::Malformed { attempt, error },
        ClientInput::Received { attempt, message: server(r#"{"type":"generation_started"}"#) },
        ClientInput::Link { attempt, event: LinkEvent::Up },
        ClientInput::Link { attempt, event: LinkEvent::Lost("late".into()) },
    ] {
        assert_eq!(script.input(input.clone()), [], "{input:?}");
    }
    assert_eq!(states(&script.go_live()), [Connected]);
}

#[test]
fn a_closed_socket_says_nothing_more_even_before_the_next_attempt() {
    let mut script = Script::live(config());
    script.wait(10 * SECOND);
    script.closed(1006, "");
    script.failed(Error::new(ErrorCode::WebSocket, "refused"));
    assert_eq!(script.closed(1008, "late"), []);
    assert_eq!(script.link(LinkEvent::Lost("late".into())), []);
    assert_eq!(script.session.state(), Reconnecting);
}

#[test]
fn a_return_that_fails_ends_with_one_error() {
    let mut script = Script::live(config());
    script.update(2, prompt("x"));
    script.wait(10 * SECOND);
    let start = script.now;
    let mut outputs = script.closed(1006, "");
    let mut times = Vec::new();
    while script.session.state() == Reconnecting {
        times.push((script.now - start).as_secs());
        outputs = script.failed(Error::new(ErrorCode::WebSocket, "refused"));
        if let Some(at) = script.session.next_timeout() {
            while !opens_socket(&outputs) && script.now < at + 20 * SECOND {
                outputs = script.wait(SECOND);
            }
        }
    }
    assert_eq!(times, [0, 1, 3, 7, 15, 25]);
    assert_eq!(states(&outputs), [Disconnected]);
    let told = errors(&script.seen);
    assert_eq!(told.len(), 1);
    assert!(told[0].message.starts_with("reconnect failed at the socket step after 25.0 s"));
    let reports = script.seen.iter().filter(|output| {
        matches!(output, ClientOutput::Event(ClientEvent::Reconnect { error: Some(_), .. }))
    });
    assert_eq!(reports.count(), 6);
}

#[test]
fn connections_that_never_last_do_not_become_a_tight_loop() {
    let mut script = Script::live(config());
    let start = script.now;
    let mut losses = 0;
    while script.session.state() != Disconnected {
        losses += 1;
        let mut outputs = script.closed(1000, "");
        if script.session.state() == Disconnected {
            break;
        }
        if !opens_socket(&outputs) {
            let at = script.session.next_timeout().unwrap();
            outputs = script.wait(at - script.now);
        }
        assert!(opens_socket(&outputs));
        script.go_live();
    }
    assert_eq!((losses, (script.now - start).as_secs()), (7, 25));
}

#[test]
fn each_attempt_has_its_own_session_id() {
    let mut script = Script::live(config());
    script.receive(r#"{"type":"session_id","session_id":"a","server_ip":"h","server_port":1}"#);
    script.closed(1006, "");
    assert_eq!(script.session.session_id(), None);
    script.opened();
    script.receive(r#"{"type":"session_id","session_id":"b","server_ip":"h","server_port":1}"#);
    assert_eq!(script.session.session_id(), Some("b"));
}

#[test]
fn generation_must_be_said_again_after_a_return() {
    let mut script = Script::live(config());
    script.receive(r#"{"type":"generation_started"}"#);
    script.wait(2 * SECOND);
    script.closed(1006, "");
    script.go_live();
    assert_eq!(script.session.state(), Connected);
    assert_eq!(states(&script.receive(r#"{"type":"generation_started"}"#)), [Generating]);
}

#[test]
fn a_refused_old_state_is_tried_again_on_the_way_back() {
    let mut script = Script::live(with_prompt("fine before"));
    script.closed(1006, "");
    script.opened();
    script
        .receive(r#"{"type":"prompt_ack","prompt":"fine before","success":false,"error":"busy"}"#);
    assert_eq!(script.session.state(), Reconnecting);
    assert!(opens_socket(&script.wait(SECOND)));
}

#[test]
fn disconnect_while_returning_answers_everything() {
    let mut script = Script::live(ClientConfig::default());
    script.closed(1006, "");
    script.update(2, prompt("x"));
    let outputs = script.input(ClientInput::Disconnect { call: Some(3) });
    assert_eq!(answers(&outputs).len(), 2);
    assert_eq!(states(&outputs), [Disconnected]);
    assert!(sent(&script.wait(600 * SECOND)).is_empty());
}
