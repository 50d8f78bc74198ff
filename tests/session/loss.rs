//! A connection is lost: when it is made again, with what state, and when it is not.

use std::time::Duration;

use crate::script::{
    Script, answers, config, errors, opens_socket, prompt, sent, server, states, wire, with_prompt,
};
use parhelion::error::{Error, ErrorCode};
use parhelion::session::ConnectionState::{Connected, Disconnected, Generating, Reconnecting};
use parhelion::session::{
    ClientConfig, ClientEvent, ClientInput, ClientOutput, LinkEvent, LocalSignal, Prompt,
    RemoteSignal, State,
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
            max_attempts: None,
            error: None,
            ..
        })
    )));
}

#[test]
fn an_update_under_way_survives_the_loss_and_is_answered_once() {
    let mut script = Script::live(with_prompt("initial"));
    script.update(2, prompt("newest"));
    script.update(3, crate::script::image("QQ=="));
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
    assert_eq!(script.wait(SECOND), []);
    assert_eq!(script.link(LinkEvent::Up), []);
    assert_eq!(script.wait(60 * SECOND), []);
    assert_eq!(script.session.state(), Generating);
}

/// A session whose link is being restarted, up to the offer of that.
fn restarting() -> Script {
    let mut script = Script::live(config());
    script.receive(r#"{"type":"generation_started"}"#);
    script.link(LinkEvent::Interrupted);
    script.wait(SECOND);
    // Said again, it changes nothing.
    script.link(LinkEvent::Interrupted);
    let outputs = script.wait(SECOND);
    assert_eq!(states(&outputs), [Reconnecting]);
    assert!(outputs.contains(&ClientOutput::RestartLink { attempt: 1 }));
    assert!(!opens_socket(&outputs));
    script
}

#[test]
fn a_longer_interruption_is_healed_by_a_restart_of_the_link() {
    let mut script = restarting();
    let candidate = || LinkEvent::Signal(LocalSignal::Candidate(None));
    assert_eq!(script.link(candidate()), [], "a candidate waits for the offer it belongs to");
    let kinds: Vec<_> =
        wire(&script.offer()).iter().map(|message| message["type"].clone()).collect();
    assert_eq!(kinds, ["offer", "ice-candidate"]);
    let theirs = r#"{"type":"ice-candidate","candidate":null}"#;
    assert_eq!(script.receive(theirs), [], "and theirs for their answer");
    assert_eq!(script.link(LinkEvent::Up), [], "the old path counts for nothing now");
    let outputs = script.receive(r#"{"type":"answer","sdp":"another"}"#);
    assert!(matches!(
        outputs.as_slice(),
        [
            ClientOutput::Signal { signal: RemoteSignal::Answer(_), .. },
            ClientOutput::Signal { signal: RemoteSignal::Candidate(None), .. },
        ]
    ));
    script.wait(3 * SECOND);
    let outputs = script.link(LinkEvent::Up);
    assert_eq!(states(&outputs), [Connected, Generating]);
    assert!(matches!(
        &outputs[0],
        ClientOutput::Event(ClientEvent::Restart { attempt: 1, error: None, duration })
            if *duration == 3 * SECOND
    ));
    let recoveries = script.session.recoveries();
    assert_eq!((recoveries.ice_restarts, recoveries.reconnects), (1, 0));
    assert_eq!(recoveries.last_outage, Some(5 * SECOND));
    assert_eq!(script.wait(600 * SECOND), []);
    assert!(errors(&script.seen).is_empty());
}

#[test]
fn updates_go_on_while_the_link_is_restarted() {
    let mut script = restarting();
    assert_eq!(wire(&script.update(2, prompt("newest"))).len(), 1);
    acknowledge(&mut script, "newest");
    assert_eq!(answers(&script.seen).last(), Some(&(2, Ok(()))));
    assert_eq!(script.session.state(), Reconnecting);
    // Nor does the service's word that it generates bring a link back that is silent.
    assert!(states(&script.receive(r#"{"type":"generation_started"}"#)).is_empty());
}

#[test]
fn a_restart_that_nobody_answers_becomes_a_new_session_soon() {
    let mut script = restarting();
    script.offer();
    let outputs = script.wait(4 * SECOND);
    assert!(states(&outputs).is_empty(), "it is still being made again");
    assert!(outputs.contains(&ClientOutput::CloseLink { attempt: 1 }));
    assert!(outputs.contains(&ClientOutput::CloseSocket { attempt: 1 }));
    assert!(outputs.contains(&ClientOutput::OpenSocket { attempt: 2 }));
    script.wait(SECOND);
    assert_eq!(states(&script.go_live()), [Connected]);
    let recoveries = script.session.recoveries();
    assert_eq!((recoveries.ice_restarts, recoveries.reconnects), (0, 1));
    assert_eq!(recoveries.last_outage, Some(7 * SECOND), "from when it was noticed");
    assert!(errors(&script.seen).is_empty());
}

#[test]
fn a_restart_that_is_answered_and_finds_nothing_is_tried_once_more() {
    let mut script = restarting();
    for last in [false, true] {
        script.offer();
        script.receive(r#"{"type":"answer","sdp":"another"}"#);
        assert_eq!(script.wait(7 * SECOND), []);
        let outputs = script.wait(SECOND);
        assert_eq!(outputs.contains(&ClientOutput::RestartLink { attempt: 1 }), !last);
        assert_eq!(opens_socket(&outputs), last);
    }
}

#[test]
fn a_link_that_cannot_be_restarted_becomes_a_new_session_at_once() {
    let final_error = Error::new(ErrorCode::Signaling, "answered by another").retryable(false);
    for event in [LinkEvent::Failed(final_error), LinkEvent::Lost("the other end closed it".into())]
    {
        let mut script = restarting();
        script.offer();
        assert!(opens_socket(&script.link(event)));
        assert!(states(&script.go_live()).contains(&Connected));
        assert!(errors(&script.seen).is_empty());
    }
}

#[test]
fn a_socket_that_is_lost_while_the_link_is_restarted_ends_that() {
    let mut script = restarting();
    script.offer();
    let outputs = script.closed(1006, "");
    assert!(opens_socket(&outputs) && states(&outputs).is_empty());
    assert_eq!(states(&script.go_live()), [Connected]);
}

#[test]
fn every_change_of_state_says_why() {
    let mut script = Script::live(config());
    script.wait(10 * SECOND);
    script.closed(1011, "restarting");
    script.wait(SECOND);
    script.go_live();
    script.closed(1008, "that is all");
    let changes: Vec<_> = script
        .seen
        .iter()
        .filter_map(|output| match output {
            ClientOutput::Event(ClientEvent::State(change)) => Some(change),
            _ => None,
        })
        .collect();
    let [_, _, lost, back, ended] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(lost.why.as_ref().unwrap().contains("1011: restarting"), "{lost:?}");
    assert_eq!((back.outage, back.attempt), (Some(SECOND), 1));
    assert!(ended.why.as_ref().unwrap().contains("that is all"), "{ended:?}");
    assert_eq!(ended.outage, None);
}

#[test]
fn a_machine_that_sleeps_while_connected_finds_out_and_comes_back() {
    let mut script = Script::live(with_prompt("newest"));
    script.update(2, prompt("asked for before the lid was closed"));
    script.now += 60 * SECOND;
    // The first thing that it hears, whatever that is.
    script.input(ClientInput::Timeout);
    let error = answers(&script.seen).last().unwrap().1.clone().unwrap_err();
    assert_eq!(error.code, ErrorCode::Timeout);
    assert_eq!(script.session.state(), Connected, "it has not noticed anything yet");
    script.link(LinkEvent::Interrupted);
    script.failed(Error::new(ErrorCode::WebSocket, "connection reset by peer"));
    assert_eq!(script.session.state(), Reconnecting);
    let outputs = script.go_live();
    assert_eq!(wire(&outputs)[0]["prompt"], "newest");
    assert_eq!(states(&outputs), [Connected]);
    assert!(errors(&script.seen).is_empty());
}

#[test]
fn time_that_a_machine_sleeps_through_is_none_in_which_it_tried() {
    let mut config = config();
    config.retry.return_time = 30 * SECOND;
    let mut script = Script::live(config);
    script.wait(10 * SECOND);
    script.closed(1006, "");
    script.failed(Error::new(ErrorCode::WebSocket, "network is unreachable"));
    // Asleep between two attempts, for longer than the whole return may take.
    script.now += 3600 * SECOND;
    assert!(opens_socket(&script.input(ClientInput::Timeout)), "it tries when it wakes");
    assert_eq!(states(&script.go_live()), [Connected]);
    // Awake, the time is bounded.
    script.wait(10 * SECOND);
    script.closed(1006, "");
    let outputs = script.wait(40 * SECOND);
    assert_eq!(states(&outputs), [Disconnected]);
    assert!(errors(&outputs)[0].message.contains("30.0 s"), "{:?}", errors(&outputs));
}

#[test]
fn a_service_that_is_full_when_the_client_comes_back_is_waited_for() {
    let mut script = Script::live(with_prompt("first"));
    script.wait(10 * SECOND);
    script.closed(1012, "restart");
    script.opened();
    script.receive(r#"{"type":"queue_position","position":3,"queue_size":5}"#);
    script.update(2, prompt("newest"));
    assert_eq!(script.wait(200 * SECOND).len(), 1, "only the update gives up");
    script.update(3, prompt("newest of all"));
    script.receive(r#"{"type":"queue_position","position":1,"queue_size":5}"#);
    script.receive(r#"{"type":"session_id","session_id":"another"}"#);
    let outputs =
        script.receive(r#"{"type":"prompt_ack","prompt":"first","success":true,"error":null}"#);
    assert!(outputs.contains(&ClientOutput::OpenLink { attempt: 2 }));
    assert_eq!(wire(&outputs)[0]["prompt"], "newest of all");
    script.offer();
    script.receive(r#"{"type":"answer","sdp":"a"}"#);
    assert_eq!(states(&script.link(LinkEvent::Up)), [Connected]);
}

#[test]
fn a_service_that_returns_without_the_model_ends_the_session() {
    let mut script = Script::live(config());
    script.closed(1006, "");
    script.opened();
    script.receive(r#"{"type":"error","error":"invalid session: unknown model \"mirage\""}"#);
    script.closed(1008, "");
    assert_eq!(states(&script.seen)[2..], [Reconnecting, Disconnected]);
    let told = errors(&script.seen);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].code, told[0].retryable), (ErrorCode::ModelNotFound, false));
    assert!(!opens_socket(&script.wait(600 * SECOND)));
}

#[test]
fn a_service_that_returns_with_another_codec_ends_the_session() {
    let mut script = Script::live(config());
    script.closed(1006, "");
    script.opened();
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.offer();
    script.receive(r#"{"type":"answer","sdp":"of VP9 alone"}"#);
    let error = Error::new(ErrorCode::Signaling, "no video codec in common").retryable(false);
    let outputs = script.link(LinkEvent::Failed(error));
    assert_eq!(states(&outputs), [Disconnected]);
    assert!(errors(&outputs)[0].message.contains("codec in common"));
    assert_eq!(errors(&script.seen).len(), 1);
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
    let mut config = config();
    config.retry.return_retries = Some(5);
    let mut script = Script::live(config);
    script.update(2, prompt("x"));
    script.wait(10 * SECOND);
    let start = script.now;
    let mut outputs = script.closed(1006, "");
    let mut times = Vec::new();
    while script.session.state() == Reconnecting {
        times.push((script.now - start).as_millis());
        outputs = script.failed(Error::new(ErrorCode::WebSocket, "refused"));
        if let Some(at) = script.session.next_timeout() {
            script.wait(at - script.now);
        }
    }
    // Half a second, then every second: nothing is behind that port that could be overrun.
    assert_eq!(times, [0, 500, 1500, 2500, 3500, 4500]);
    assert_eq!(states(&outputs), [Disconnected]);
    let told = errors(&script.seen);
    assert_eq!(told.len(), 1);
    assert!(told[0].message.starts_with("reconnect failed at the socket step after 4.5 s"));
    let reports = script.seen.iter().filter(|output| {
        matches!(output, ClientOutput::Event(ClientEvent::Reconnect { error: Some(_), .. }))
    });
    assert_eq!(reports.count(), 6);
}

#[test]
fn connections_that_never_last_do_not_become_a_tight_loop() {
    let mut config = config();
    config.retry.return_retries = Some(5);
    let mut script = Script::live(config);
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
    assert_eq!((losses, (script.now - start).as_millis()), (7, 15_500));
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
