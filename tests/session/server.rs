//! The service's end of a session, one input at a time.

use std::time::{Duration, Instant};

use parhelion::error::{Error, ErrorCode};
use parhelion::protocol::{ClientMessage, ServerMessage};
use parhelion::session::{
    Prompt, ServerConfig, ServerEvent, ServerInput, ServerLinkEvent, ServerOutput, ServerSession,
    State,
};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

struct Script {
    session: ServerSession,
    now: Instant,
}

fn config() -> ServerConfig {
    ServerConfig {
        session_id: "s-1".into(),
        server_ip: "10.0.0.1".into(),
        server_port: 8000,
        ping_interval: Duration::ZERO,
        ..ServerConfig::default()
    }
}

impl Script {
    fn new(config: ServerConfig) -> (Self, Vec<ServerOutput>) {
        let mut script = Self { session: ServerSession::new(config), now: Instant::now() };
        let outputs = script.input(ServerInput::Opened);
        (script, outputs)
    }

    fn up(config: ServerConfig) -> Self {
        let (mut script, _) = Self::new(config);
        script.receive(r#"{"type":"offer","sdp":"o"}"#);
        script.input(ServerInput::Link(ServerLinkEvent::Answered("a".into())));
        script.input(ServerInput::Link(ServerLinkEvent::Up));
        script
    }

    fn input(&mut self, input: ServerInput) -> Vec<ServerOutput> {
        self.session.handle(self.now, input);
        std::iter::from_fn(|| self.session.poll()).collect()
    }

    fn receive(&mut self, json: &str) -> Vec<ServerOutput> {
        self.input(ServerInput::Received(ClientMessage::parse(json).unwrap()))
    }

    fn applied(&mut self, update: u64) -> Vec<ServerOutput> {
        self.input(ServerInput::Applied { update, result: Ok(()) })
    }

    fn wait(&mut self, duration: Duration) -> Vec<ServerOutput> {
        let end = self.now + duration;
        let mut outputs = Vec::new();
        while let Some(at) = self.session.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            outputs.extend(self.input(ServerInput::Timeout));
        }
        self.now = end;
        outputs
    }
}

fn sent(outputs: &[ServerOutput]) -> Vec<Value> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ServerOutput::Send(message) => serde_json::from_str(&message.to_json()).ok(),
            _ => None,
        })
        .collect()
}

fn close_code(outputs: &[ServerOutput]) -> Option<u16> {
    outputs.iter().find_map(|output| match output {
        ServerOutput::Close { code, .. } => Some(*code),
        _ => None,
    })
}

fn state(prompt: Option<&str>, image: Option<&str>) -> State {
    State { prompt: prompt.map(Prompt::new), image: image.map(Into::into) }
}

#[test]
fn the_session_id_is_the_first_message() {
    let (_, outputs) = Script::new(config());
    assert_eq!(
        sent(&outputs),
        [json!({"type": "session_id", "session_id": "s-1", "server_ip": "10.0.0.1",
                "server_port": 8000})]
    );
}

#[test]
fn an_offer_may_come_first_and_waits_for_nothing() {
    let (mut script, _) = Script::new(config());
    assert_eq!(script.receive(r#"{"type":"ice-candidate","candidate":null}"#), []);
    let outputs = script.receive(r#"{"type":"offer","sdp":"o"}"#);
    assert_eq!(
        outputs,
        [ServerOutput::OpenLink { offer: "o".into() }, ServerOutput::Candidate(None)]
    );
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Answered("a".into())));
    assert_eq!(sent(&outputs), [json!({"type": "answer", "sdp": "a"})]);
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Up));
    assert_eq!(sent(&outputs), [json!({"type": "generation_started"})]);
}

#[test]
fn generation_starts_again_with_a_new_link() {
    let mut script = Script::up(config());
    let outputs = script.receive(r#"{"type":"offer","sdp":"o2"}"#);
    assert_eq!(outputs, [ServerOutput::OpenLink { offer: "o2".into() }]);
    assert!(sent(&script.wait(5 * SECOND)).is_empty(), "no ticks without media");
    script.input(ServerInput::Link(ServerLinkEvent::Answered("a".into())));
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Up));
    assert_eq!(sent(&outputs), [json!({"type": "generation_started"})]);
}

#[test]
fn ticks_count_whole_seconds_of_media() {
    let mut script = Script::up(config());
    let tick = |seconds: u32| json!({"type": "generation_tick", "seconds": seconds});
    assert_eq!(sent(&script.wait(2 * SECOND)), [tick(1), tick(2)]);
    script.input(ServerInput::Link(ServerLinkEvent::Interrupted));
    assert_eq!(sent(&script.wait(5 * SECOND)), [] as [Value; 0]);
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Up));
    assert_eq!(sent(&outputs), [] as [Value; 0], "the same link came back");
    assert_eq!(sent(&script.wait(SECOND)), [tick(3)]);
}

#[test]
fn every_form_of_an_update_means_what_it_should() {
    let full = || state(Some("p0"), Some("QUJD"));
    for (message, expected) in [
        (r#"{"type":"prompt","prompt":"p","enhance_prompt":true}"#, state(Some("p"), Some("QUJD"))),
        (r#"{"type":"set_image","image_data":null,"prompt":null}"#, state(None, None)),
        (r#"{"type":"set_image","image_data":null}"#, state(Some("p0"), None)),
        (r#"{"type":"set_image","image_data":null,"prompt":"p"}"#, state(Some("p"), None)),
        (r#"{"type":"set_image","image_data":"WA=="}"#, state(Some("p0"), Some("WA=="))),
        (
            r#"{"type":"set_image","image_data":"WA==","enhance_prompt":true}"#,
            state(Some("p0"), Some("WA==")),
        ),
        (
            r#"{"type":"set_image","image_data":"WA==","prompt":"p","enhance_prompt":true}"#,
            state(Some("p"), Some("WA==")),
        ),
        (r#"{"type":"set_image","image_data":"WA==","prompt":null}"#, state(None, Some("WA=="))),
        (r#"{"type":"set_image","prompt":"p"}"#, state(Some("p"), Some("QUJD"))),
        (r#"{"type":"set_image"}"#, full()),
    ] {
        let (mut script, _) = Script::new(config());
        script.receive(r#"{"type":"set_image","image_data":"QUJD","prompt":"p0"}"#);
        script.applied(1);
        assert_eq!(*script.session.state(), full());
        let outputs = script.receive(message);
        assert_eq!(
            outputs,
            [ServerOutput::Apply { update: 2, state: expected.clone() }],
            "{message}"
        );
        assert_eq!(script.applied(2).len(), 2);
        assert_eq!(*script.session.state(), expected, "{message}");
    }
}

#[test]
fn acknowledgements_keep_their_order_and_repeat_text_and_id() {
    let (mut script, _) = Script::new(config());
    script.receive(r#"{"type":"prompt","prompt":" Ä\n ","request_id":"r1"}"#);
    assert_eq!(script.receive(r#"{"type":"prompt","prompt":"  ","request_id":"r2"}"#), []);
    assert_eq!(script.receive(r#"{"type":"set_image","image_data":"WA=="}"#), []);
    let outputs = script.applied(1);
    let acks = sent(&outputs);
    assert_eq!(
        acks[0],
        json!({"type": "prompt_ack", "prompt": " Ä\n ", "success": true, "error": null,
               "request_id": "r1"})
    );
    assert_eq!((&acks[1]["prompt"], &acks[1]["success"]), (&json!("  "), &json!(false)));
    assert_eq!(acks[1]["request_id"], "r2");
    let expected = state(Some(" Ä\n "), Some("WA=="));
    assert!(outputs.contains(&ServerOutput::Apply { update: 3, state: expected }));
    assert_eq!(
        sent(&script.applied(3)),
        [json!({"type": "set_image_ack", "success": true, "error": null})]
    );
    assert_eq!(script.applied(3), []);
}

#[test]
fn a_refused_update_leaves_the_session_and_its_state_alone() {
    let (mut script, _) = Script::new(ServerConfig { max_image_bytes: 8, ..config() });
    let long = "ä".repeat(10_001);
    for (message, why) in [
        (format!(r#"{{"type":"prompt","prompt":"{long}"}}"#), "at most 10000 characters"),
        (r#"{"type":"set_image","image_data":"QUJDQUJDQUJD"}"#.into(), "at most 8 bytes"),
        (r#"{"type":"set_image","image_data":""}"#.into(), "no bytes"),
    ] {
        let acks = sent(&script.receive(&message));
        assert_eq!((acks.len(), &acks[0]["success"]), (1, &json!(false)));
        assert!(acks[0]["error"].as_str().unwrap().contains(why), "{}", acks[0]);
    }
    let fits = "ä".repeat(10_000);
    let outputs = script.receive(&format!(r#"{{"type":"prompt","prompt":"{fits}"}}"#));
    let [ServerOutput::Apply { update, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
    let result = Err("the model does not like it".into());
    let acks = sent(&script.input(ServerInput::Applied { update: *update, result }));
    assert_eq!(acks[0]["error"], "the model does not like it");
    assert_eq!(*script.session.state(), State::default());
}

#[test]
fn landmarks_that_cannot_be_a_face_are_refused_in_words() {
    let marks = r#"{"left_eye":[100,100],"right_eye":[200,100]}"#;
    let with = |landmarks: &str| {
        format!(r#"{{"type":"set_image","image_data":"WA==","landmarks":{landmarks}}}"#)
    };
    let swapped = r#"{"left_eye":[200,100],"right_eye":[100,100]}"#;
    let huge = r#"{"left_eye":[100,100],"right_eye":[1e300,100]}"#;
    let clears = format!(r#"{{"type":"set_image","image_data":null,"landmarks":{marks}}}"#);
    let alone = format!(r#"{{"type":"set_image","prompt":"p","landmarks":{marks}}}"#);
    let no_face = ServerConfig { takes_landmarks: false, ..config() };
    for (config, message, why) in [
        (config(), with(swapped), "right_eye: expected a place to the right of left_eye"),
        (config(), with("{}"), "left_eye, right_eye: expected both, or of a profile"),
        (config(), with(r#"{"left_eye":[9,9]}"#), "left_eye: expected the corner of the mouth"),
        (config(), with(huge), "right_eye: expected finite numbers, got inf"),
        (config(), clears, "expected image_data beside them, got none"),
        (config(), alone, "expected image_data beside them, got none"),
        (no_face, with(marks), "the model looks for no face"),
    ] {
        let (mut script, _) = Script::new(config);
        let acks = sent(&script.receive(&message));
        assert_eq!((acks.len(), &acks[0]["success"]), (1, &json!(false)));
        assert!(acks[0]["error"].as_str().unwrap().contains(why), "{}", acks[0]);
        assert_eq!(*script.session.state(), State::default());
    }
    let (mut script, _) = Script::new(config());
    // What a newer client may know besides is no mistake.
    let newer = r#"{"left_eye":[100,100],"right_eye":[200,100],"nose":[150,150],"chin":null}"#;
    script.receive(&with(newer));
    script.applied(1);
    let landmarks = script.session.state().image.as_ref().unwrap().landmarks.unwrap();
    assert_eq!(
        serde_json::to_string(&landmarks).unwrap(),
        r#"{"left_eye":[100.0,100.0],"right_eye":[200.0,100.0]}"#
    );
    for (malformed, why) in [
        (r#"{"left_eye":[100,100,1],"right_eye":[1,2]}"#, "malformed `set_image`"),
        (r#"{"left_eye":"100,100","right_eye":[1,2]}"#, "array of length 2"),
        ("[1, 2, 3, 4]", "malformed `set_image`"),
    ] {
        let error = ClientMessage::parse(&with(malformed)).unwrap_err();
        assert!(error.message.contains(why), "{error}");
    }
}

#[test]
fn a_model_that_hangs_is_answered_for() {
    let (mut script, _) = Script::new(config());
    script.receive(r#"{"type":"prompt","prompt":"p"}"#);
    let acks = sent(&script.wait(12 * SECOND));
    assert_eq!(acks[0]["success"], false);
    assert_eq!(script.applied(1), [], "too late");
    assert_eq!(*script.session.state(), State::default());
}

#[test]
fn a_flood_of_updates_is_answered_in_order_and_then_ended() {
    let (mut script, _) = Script::new(config());
    let mut sent_count = 0;
    let closed = loop {
        sent_count += 1;
        let outputs = script.receive(&format!(r#"{{"type":"prompt","prompt":"p{sent_count}"}}"#));
        if close_code(&outputs).is_some() {
            break outputs;
        }
    };
    assert_eq!(close_code(&closed), Some(1008));
    let acks: Vec<_> =
        sent(&closed).into_iter().filter(|message| message["type"] == "prompt_ack").collect();
    assert_eq!(sent_count, 1 + 32 + 256 + 1);
    assert_eq!(acks.len(), sent_count - 1);
    for (at, ack) in acks.iter().enumerate() {
        assert_eq!(ack["prompt"], format!("p{}", at + 1));
    }
}

#[test]
fn images_that_wait_are_bounded_by_their_size() {
    let (mut script, _) = Script::new(config());
    let big = "A".repeat(20 * 1024 * 1024);
    let message = format!(r#"{{"type":"set_image","image_data":"{big}"}}"#);
    for _ in 0..6 {
        script.receive(&message);
    }
    let mut refused = 0;
    for update in 1..=6 {
        refused +=
            sent(&script.applied(update)).iter().filter(|ack| ack["success"] == false).count();
    }
    assert_eq!(refused, 2, "one under way, three waiting, two too many");
}

#[test]
fn sizes_and_counts_that_cross_their_bound() {
    let (mut script, _) = Script::new(config());
    let sdp = "v".repeat(256 * 1024 + 1);
    let outputs = script.receive(&format!(r#"{{"type":"offer","sdp":"{sdp}"}}"#));
    assert_eq!(close_code(&outputs), Some(1009));

    let (mut script, _) = Script::new(config());
    for _ in 0..100 {
        script.receive(r#"{"type":"ice-candidate","candidate":null}"#);
    }
    assert_eq!(script.receive(r#"{"type":"offer","sdp":"o"}"#).len(), 1 + 64);

    let (mut script, _) = Script::new(config());
    let error = || Error::new(ErrorCode::Signaling, "malformed");
    for _ in 0..15 {
        assert_eq!(close_code(&script.input(ServerInput::Malformed(error()))), None);
    }
    assert_eq!(close_code(&script.input(ServerInput::Malformed(error()))), Some(1008));
}

#[test]
fn messages_that_mean_nothing_to_a_service_are_ignored() {
    let (mut script, _) = Script::new(config());
    for message in [
        r#"{"type":"switch_camera","rotateY":2}"#,
        r#"{"type":"answer","sdp":"x"}"#,
        r#"{"type":"livekit_join","passthrough":true}"#,
    ] {
        assert_eq!(script.receive(message), []);
    }
}

#[test]
fn a_failing_model_ends_the_session_in_order() {
    let mut script = Script::up(config());
    script.receive(r#"{"type":"prompt","prompt":"p"}"#);
    script.now += 3 * SECOND;
    let outputs = script.input(ServerInput::Fail(Error::new(ErrorCode::ModelFailed, "boom")));
    let kinds: Vec<_> = sent(&outputs).iter().map(|message| message["type"].clone()).collect();
    assert_eq!(kinds, ["prompt_ack", "error", "generation_ended"]);
    assert_eq!(
        sent(&outputs)[2],
        json!({"type": "generation_ended", "seconds": 3, "reason": "error"})
    );
    assert!(outputs.contains(&ServerOutput::CloseLink));
    assert_eq!(close_code(&outputs), Some(1011));
    assert!(script.session.is_closed());
    assert_eq!(script.receive(r#"{"type":"prompt","prompt":"p"}"#), []);
    assert_eq!(script.session.next_timeout(), None);
}

#[test]
fn a_client_that_is_gone_is_told_nothing() {
    let mut script = Script::up(config());
    let outputs = script.input(ServerInput::SocketClosed);
    assert_eq!(
        outputs,
        [
            ServerOutput::CloseLink,
            ServerOutput::Event(ServerEvent::Ended { reason: "disconnect".into(), seconds: 0.0 }),
        ]
    );
}

#[test]
fn the_longest_session_ends_with_a_reason_that_clients_know() {
    let mut script = Script::up(ServerConfig { max_duration: Some(3 * SECOND), ..config() });
    let outputs = script.wait(10 * SECOND);
    let last = sent(&outputs).pop().unwrap();
    assert_eq!(last, json!({"type": "generation_ended", "seconds": 3, "reason": "timeout"}));
    assert_eq!(close_code(&outputs), Some(1000));
}

#[test]
fn an_interrupted_link_may_be_restarted_for_as_long_as_a_new_one_may_take() {
    let mut script = Script::up(config());
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Interrupted));
    assert_eq!(outputs, [ServerOutput::Event(ServerEvent::Interrupted)]);
    script.wait(14 * SECOND);
    let outputs = script.receive(r#"{"type":"offer","sdp":"restart"}"#);
    assert_eq!(outputs, [ServerOutput::OpenLink { offer: "restart".into() }]);
    script.input(ServerInput::Link(ServerLinkEvent::Answered("a".into())));
    script.wait(20 * SECOND);
    // A second try, before the first has led anywhere.
    script.receive(r#"{"type":"offer","sdp":"again"}"#);
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Answered("b".into())));
    assert_eq!(sent(&outputs), [json!({"type": "answer", "sdp": "b"})]);
    script.wait(20 * SECOND);
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Up));
    assert_eq!(sent(&outputs), [json!({"type": "generation_started"})]);
}

#[test]
fn steps_that_hang_end_the_session() {
    let (mut script, _) = Script::new(config());
    assert_eq!(close_code(&script.wait(60 * SECOND)), Some(1008));

    let (mut script, _) = Script::new(config());
    script.receive(r#"{"type":"offer","sdp":"o"}"#);
    assert_eq!(close_code(&script.wait(30 * SECOND)), Some(1011));

    let mut script = Script::up(config());
    script.input(ServerInput::Link(ServerLinkEvent::Interrupted));
    assert_eq!(close_code(&script.wait(14 * SECOND)), None);
    assert_eq!(close_code(&script.wait(SECOND)), Some(1001));
}

#[test]
fn a_client_that_answers_no_ping_is_gone() {
    let quiet =
        ServerConfig { ping_interval: 20 * SECOND, offer_timeout: 600 * SECOND, ..config() };
    let (mut script, _) = Script::new(quiet.clone());
    let outputs = script.wait(60 * SECOND);
    assert_eq!(outputs.iter().filter(|output| **output == ServerOutput::Ping).count(), 2);
    assert_eq!(close_code(&outputs), Some(1001));

    let (mut script, _) = Script::new(quiet);
    for _ in 0..10 {
        let outputs = script.wait(20 * SECOND);
        assert_eq!(outputs, [ServerOutput::Ping]);
        script.input(ServerInput::Pong);
    }
}

#[test]
fn a_viewer_gets_media_and_nothing_else() {
    let (mut script, outputs) = Script::new(ServerConfig { viewer: true, ..config() });
    assert_eq!(outputs, []);
    script.receive(r#"{"type":"offer","sdp":"o"}"#);
    script.input(ServerInput::Link(ServerLinkEvent::Answered("a".into())));
    assert_eq!(sent(&script.input(ServerInput::Link(ServerLinkEvent::Up))), [] as [Value; 0]);
    assert_eq!(sent(&script.wait(5 * SECOND)), [] as [Value; 0]);
    let acks = sent(&script.receive(r#"{"type":"prompt","prompt":"p"}"#));
    assert_eq!(acks[0]["success"], false);
}

#[test]
fn a_link_that_cannot_be_set_up_is_explained_to_the_client() {
    let (mut script, _) = Script::new(config());
    script.receive(r#"{"type":"offer","sdp":"o"}"#);
    let error = Error::new(ErrorCode::Signaling, "no video codec in common").retryable(false);
    let outputs = script.input(ServerInput::Link(ServerLinkEvent::Failed(error)));
    let message = ServerMessage::Error {
        error: "no video codec in common".into(),
        code: Some("WEBRTC_SIGNALING_ERROR".into()),
    };
    assert!(outputs.contains(&ServerOutput::Send(message)));
    assert_eq!(close_code(&outputs), Some(1008));
}

/// A session that has to wait for a place.
fn queued(config: ServerConfig, position: u32, size: u32) -> (Script, Vec<ServerOutput>) {
    let mut script = Script { session: ServerSession::new(config), now: Instant::now() };
    let outputs = script.input(ServerInput::Queued { position, size });
    (script, outputs)
}

fn position(position: u32, size: u32) -> Value {
    json!({"type": "queue_position", "position": position, "queue_position": position,
           "queue_size": size})
}

#[test]
fn a_client_that_waits_is_told_where_it_stands_whenever_that_changes() {
    let (mut script, outputs) = queued(config(), 2, 2);
    assert_eq!(sent(&outputs), [position(2, 2)], "and no name of a session yet");
    assert_eq!(sent(&script.input(ServerInput::Queued { position: 2, size: 2 })), [] as [Value; 0]);
    assert_eq!(sent(&script.input(ServerInput::Queued { position: 2, size: 3 })), [position(2, 3)]);
    assert_eq!(sent(&script.input(ServerInput::Queued { position: 1, size: 2 })), [position(1, 2)]);
    let outputs = script.input(ServerInput::Opened);
    assert_eq!(sent(&outputs)[0]["type"], "session_id");
}

#[test]
fn a_client_that_waits_has_its_state_taken_and_its_offer_kept() {
    let (mut script, _) = queued(config(), 1, 1);
    let outputs = script.receive(r#"{"type":"prompt","prompt":"p","enhance_prompt":true}"#);
    assert!(matches!(outputs.as_slice(), [ServerOutput::Apply { .. }]), "{outputs:?}");
    assert_eq!(sent(&script.applied(1))[0]["success"], true);
    assert_eq!(script.receive(r#"{"type":"offer","sdp":"old"}"#), []);
    assert_eq!(script.receive(r#"{"type":"ice-candidate","candidate":null}"#), []);
    assert_eq!(script.receive(r#"{"type":"offer","sdp":"new"}"#), []);
    assert_eq!(script.receive(r#"{"type":"ice-candidate","candidate":null}"#), []);
    // However long it takes: the client is the one to give up.
    for _ in 0..100 {
        script.wait(5 * SECOND);
        script.input(ServerInput::Pong);
    }
    // The name of a session comes with the place, and once.
    assert_eq!(script.input(ServerInput::ViewerToken("vt_1".into())), []);
    let outputs = script.input(ServerInput::Opened);
    assert_eq!(
        outputs[1..],
        [ServerOutput::OpenLink { offer: "new".into() }, ServerOutput::Candidate(None)]
    );
    assert_eq!(script.session.state(), &state(Some("p"), None));
}

#[test]
fn a_client_that_waits_and_falls_silent_loses_its_place() {
    let (mut script, _) = queued(config(), 1, 2);
    let outputs = script.wait(9 * SECOND);
    assert!(outputs.iter().all(|output| *output == ServerOutput::Ping));
    assert_eq!(close_code(&outputs), None);
    assert_eq!(close_code(&script.wait(SECOND)), Some(1001));
}

#[test]
fn a_place_that_somebody_waits_for_is_free_five_seconds_after_its_holder_vanished() {
    let usual = ServerConfig { ping_interval: 20 * SECOND, ..config() };
    let mut script = Script::up(usual.clone());
    script.input(ServerInput::Wanted(true));
    for _ in 0..30 {
        script.wait(SECOND);
        script.input(ServerInput::Pong);
    }
    // From here on nothing comes.
    assert_eq!(close_code(&script.wait(Duration::from_millis(3900))), None);
    assert_eq!(close_code(&script.wait(Duration::from_millis(200))), Some(1001));

    // It vanished long ago, and nobody cared until now.
    let mut script = Script::up(usual);
    script.wait(19 * SECOND);
    let outputs = script.input(ServerInput::Wanted(true));
    assert_eq!(close_code(&outputs), None, "it is asked first");
    assert!(script.wait(Duration::ZERO).contains(&ServerOutput::Ping));
    assert_eq!(close_code(&script.wait(Duration::from_millis(3900))), None);
    assert_eq!(close_code(&script.wait(Duration::from_millis(200))), Some(1001));
}

#[test]
fn a_client_that_answers_nothing_while_its_media_flows_keeps_its_place() {
    let mut script = Script::up(config());
    script.input(ServerInput::Wanted(true));
    for _ in 0..100 {
        let at = script.now;
        script.input(ServerInput::MediaSeen { at });
        assert_eq!(close_code(&script.wait(SECOND)), None);
    }
    assert_eq!(close_code(&script.wait(4 * SECOND)), Some(1001));
}

#[test]
fn a_client_is_left_in_peace_again_when_nobody_waits_any_more() {
    let mut script = Script::up(ServerConfig { ping_interval: 20 * SECOND, ..config() });
    script.input(ServerInput::Wanted(true));
    script.wait(3 * SECOND);
    script.input(ServerInput::Wanted(false));
    let outputs = script.wait(30 * SECOND);
    assert_eq!(close_code(&outputs), None);
    assert_eq!(outputs.iter().filter(|output| **output == ServerOutput::Ping).count(), 1);
}

#[test]
fn a_permission_to_watch_comes_with_the_name_and_again_when_it_is_renewed() {
    let mut script = Script { session: ServerSession::new(config()), now: Instant::now() };
    assert_eq!(script.input(ServerInput::ViewerToken("vt_1".into())), []);
    let outputs = script.input(ServerInput::Opened);
    assert_eq!(sent(&outputs)[0]["viewer_token"], "vt_1");
    let outputs = script.input(ServerInput::ViewerToken("vt_2".into()));
    assert_eq!(sent(&outputs)[0]["viewer_token"], "vt_2");
    assert_eq!(sent(&outputs)[0]["session_id"], "s-1");
}

#[test]
fn a_viewer_whose_time_is_over_is_told_by_the_code() {
    let limited = ServerConfig { viewer: true, max_duration: Some(10 * SECOND), ..config() };
    let mut script = Script::up(limited);
    assert_eq!(close_code(&script.wait(10 * SECOND)), Some(4000));
}
