//! Updates of a live client session: their form on the wire, and who is answered by what.

use std::time::Duration;

use crate::script::{
    Script, answers, config, errors, image, prompt, request_id, sent, states, wire, with_prompt,
};
use parhelion::error::ErrorCode;
use parhelion::session::ConnectionState::{Connected, Generating};
use parhelion::session::{
    Change, ClientConfig, ClientInput, Landmarks, Prompt, ReferenceImage, Setting, State,
};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

fn code(answers: &[(u64, Result<(), parhelion::error::Error>)]) -> Vec<(u64, Option<ErrorCode>)> {
    answers.iter().map(|(call, result)| (*call, result.as_ref().err().map(|e| e.code))).collect()
}

fn pictured() -> ClientConfig {
    let initial = State { prompt: Some(Prompt::new("old")), image: Some("QUJD".into()) };
    ClientConfig { initial, ..config() }
}

#[test]
fn every_change_has_its_form_on_the_wire() {
    let p = || Setting::Set(Prompt { text: "new".into(), enhance: false });
    let i = || Setting::Set("WFla".into());
    let cases: [(Change, Value); 8] = [
        (
            Change { prompt: p(), image: Setting::Unset },
            json!({"type": "prompt", "prompt": "new", "enhance_prompt": false}),
        ),
        (
            Change { prompt: Setting::Unset, image: i() },
            json!({"type": "set_image", "image_data": "WFla"}),
        ),
        (
            Change { prompt: p(), image: i() },
            json!({"type": "set_image", "image_data": "WFla", "prompt": "new",
                   "enhance_prompt": false}),
        ),
        (
            Change { prompt: Setting::Unset, image: Setting::Clear },
            json!({"type": "set_image", "image_data": null}),
        ),
        (
            Change { prompt: Setting::Clear, image: Setting::Clear },
            json!({"type": "set_image", "image_data": null, "prompt": null}),
        ),
        (
            Change { prompt: Setting::Clear, image: Setting::Unset },
            json!({"type": "set_image", "image_data": "QUJD", "prompt": null}),
        ),
        (
            Change { prompt: Setting::Clear, image: i() },
            json!({"type": "set_image", "image_data": "WFla", "prompt": null}),
        ),
        (
            Change { prompt: p(), image: Setting::Clear },
            json!({"type": "set_image", "image_data": null, "prompt": "new",
                   "enhance_prompt": false}),
        ),
    ];
    for (change, expected) in cases {
        let mut script = Script::live(pictured());
        assert_eq!(wire(&script.update(2, change)), [expected]);
    }
}

#[test]
fn landmarks_go_with_their_image() {
    let marked = |data: &str| ReferenceImage { data: data.into(), landmarks: Some(face()) };
    let marks = json!({"left_eye": [100.0, 100.0], "right_eye": [200.0, 100.5]});
    let set = Change { prompt: Setting::Unset, image: Setting::Set(marked("QUJD")) };
    let mut script = Script::live(config());
    let expected = json!({"type": "set_image", "image_data": "QUJD", "landmarks": marks});
    assert_eq!(wire(&script.update(2, set)), [expected]);
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    assert_eq!(script.session.acknowledged().image, Some(marked("QUJD")));
    // What repeats the image repeats them: a cleared prompt, and a return.
    let cleared = Change { prompt: Setting::Clear, image: Setting::Unset };
    let again =
        json!({"type": "set_image", "image_data": "QUJD", "prompt": null, "landmarks": marks});
    assert_eq!(wire(&script.update(3, cleared)), [again]);
    script.receive(r#"{"type":"set_image_ack","success":true}"#);
    script.closed(1006, "");
    let outputs = script.go_live();
    let back = json!({"type": "set_image", "image_data": "QUJD", "landmarks": marks});
    assert_eq!(wire(&outputs)[0], back);
    // Another picture has another face.
    let plain = json!({"type": "set_image", "image_data": "QQ=="});
    assert_eq!(wire(&script.update(4, image("QQ=="))), [plain]);
}

fn face() -> Landmarks {
    Landmarks {
        left_eye: Some([100.0, 100.0]),
        right_eye: Some([200.0, 100.5]),
        mouth_left: None,
        mouth_right: None,
        chin: None,
    }
}

#[test]
fn a_change_of_the_prompt_never_erases_the_image() {
    let mut script = Script::live(pictured());
    let id = request_id(&script.update(2, prompt("new")));
    let ack =
        format!(r#"{{"type":"prompt_ack","prompt":"new","success":true,"request_id":"{id}"}}"#);
    script.receive(&ack);
    assert_eq!(
        *script.session.acknowledged(),
        State { prompt: Some(Prompt::new("new")), image: Some("QUJD".into()) }
    );
}

#[test]
fn updates_go_one_at_a_time_and_equal_prompts_do_not_collide() {
    let mut script = Script::live(config());
    assert_eq!(sent(&script.update(2, prompt("same"))).len(), 1);
    assert_eq!(script.update(3, prompt("same")), []);
    let ack = r#"{"type":"prompt_ack","prompt":"same","success":true,"error":null}"#;
    let outputs = script.receive(ack);
    assert_eq!(answers(&outputs), [(2, Ok(()))]);
    assert_eq!(sent(&outputs).len(), 1);
    assert_eq!(answers(&script.receive(ack)), [(3, Ok(()))]);
    assert_eq!(script.receive(ack), []);
}

#[test]
fn two_images_are_told_apart_by_order() {
    let mut script = Script::live(config());
    script.update(2, image("QQ=="));
    script.update(3, image("Qg=="));
    let ack = r#"{"type":"set_image_ack","success":true}"#;
    assert_eq!(answers(&script.receive(ack)), [(2, Ok(()))]);
    assert_eq!(script.session.acknowledged().image, Some("QQ==".into()));
    assert_eq!(answers(&script.receive(ack)), [(3, Ok(()))]);
}

#[test]
fn a_late_acknowledgement_does_not_answer_the_next_update() {
    for echo in [false, true] {
        let mut script = Script::live(config());
        let ack = |id: &str| {
            if echo {
                format!(r#"{{"type":"set_image_ack","success":true,"request_id":"{id}"}}"#)
            } else {
                r#"{"type":"set_image_ack","success":true}"#.to_owned()
            }
        };
        let first = request_id(&script.update(2, image("QQ==")));
        assert_eq!(code(&answers(&script.wait(15 * SECOND))), [(2, Some(ErrorCode::Timeout))]);
        assert_eq!(script.session.desired().image, None);
        let second = request_id(&script.update(3, image("Qg==")));
        assert_eq!(answers(&script.receive(&ack(&first))), []);
        assert_eq!(script.session.acknowledged().image, Some("QQ==".into()));
        assert_eq!(answers(&script.receive(&ack(&second))), [(3, Ok(()))]);
        assert_eq!(script.session.acknowledged().image, Some("Qg==".into()));
    }
}

#[test]
fn an_acknowledgement_that_never_comes_is_forgotten_in_the_end() {
    let mut script = Script::live(config());
    script.update(2, image("QQ=="));
    script.wait(15 * SECOND);
    script.wait(60 * SECOND);
    script.update(3, image("Qg=="));
    script.wait(15 * SECOND);
    script.update(4, image("Qw=="));
    let ack = r#"{"type":"set_image_ack","success":true}"#;
    assert_eq!(answers(&script.receive(ack)), [], "this is the late one of call 3");
    assert_eq!(answers(&script.receive(ack)), [(4, Ok(()))]);
}

#[test]
fn an_acknowledgement_of_another_prompt_answers_nothing() {
    let mut script = Script::live(config());
    script.update(2, prompt("mine"));
    script.receive(r#"{"type":"prompt_ack","prompt":"mine, enhanced","success":true}"#);
    script.receive(r#"{"type":"prompt_ack","prompt":"mine","success":true,"request_id":"no"}"#);
    assert_eq!(code(&answers(&script.wait(15 * SECOND))), [(2, Some(ErrorCode::Timeout))]);
}

#[test]
fn a_refused_update_leaves_the_state_as_it_was() {
    let mut script = Script::live(with_prompt("old"));
    script.update(2, prompt("new"));
    assert_eq!(script.session.desired().prompt, Some(Prompt::new("new")));
    let outputs = script
        .receive(r#"{"type":"prompt_ack","prompt":"new","success":false,"error":"moderated"}"#);
    let error = answers(&outputs).remove(0).1.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::Server, "moderated"));
    assert_eq!(script.session.desired().prompt, Some(Prompt::new("old")));
    assert_eq!(*script.session.acknowledged(), script.session.desired());
    assert_eq!(script.session.state(), Connected);
}

#[test]
fn an_error_of_the_service_fails_what_waits_at_once_with_its_words() {
    let mut script = Script::live(config());
    script.update(2, prompt("a"));
    script.update(3, prompt("b"));
    let outputs = script.receive(r#"{"type":"error","message":"CUDA out of memory"}"#);
    assert_eq!(errors(&outputs).len(), 1);
    let answered = answers(&outputs);
    assert_eq!(code(&answered), [(2, Some(ErrorCode::Server)), (3, Some(ErrorCode::Server))]);
    assert!(
        answered.iter().all(|(_, it)| it.as_ref().unwrap_err().message == "CUDA out of memory")
    );
    assert_eq!(script.session.state(), Connected);
    assert_eq!(sent(&script.update(4, prompt("c"))).len(), 1);
}

#[test]
fn an_update_while_connecting_rides_in_the_first_message() {
    let mut script = Script::new(with_prompt("first"));
    script.connect();
    script.update(2, image("QQ=="));
    let expected = json!({"type": "set_image", "image_data": "QQ==", "prompt": "first",
                          "enhance_prompt": true});
    assert_eq!(wire(&script.opened()), [expected]);
    let outputs = script.receive(r#"{"type":"set_image_ack","success":true}"#);
    assert_eq!(answers(&outputs), [(2, Ok(()))]);
}

#[test]
fn a_refused_update_in_the_first_message_does_not_sink_the_connection() {
    let mut script = Script::new(with_prompt("first"));
    script.connect();
    script.update(2, prompt("bad"));
    script.opened();
    let outputs = script
        .receive(r#"{"type":"prompt_ack","prompt":"bad","success":false,"error":"moderated"}"#);
    assert_eq!(code(&answers(&outputs)), [(2, Some(ErrorCode::Server))]);
    let expected = json!({"type": "prompt", "prompt": "first", "enhance_prompt": true});
    assert_eq!(wire(&outputs), [expected]);
}

#[test]
fn useless_updates_are_refused_without_traffic() {
    let mut script = Script::live(config());
    let huge = "A".repeat(parhelion::protocol::MAX_MESSAGE_BYTES);
    for (call, change) in [
        (2, Change::default()),
        (3, prompt("")),
        (4, prompt(" \n")),
        (5, image("")),
        (6, image(&huge)),
    ] {
        let outputs = script.update(call, change);
        assert_eq!(code(&answers(&outputs)), [(call, Some(ErrorCode::InvalidInput))]);
        assert_eq!(sent(&outputs), []);
    }
}

#[test]
fn waiting_updates_are_bounded() {
    let mut script = Script::live(config());
    let refused: Vec<_> =
        (0..300).flat_map(|call| answers(&script.update(100 + call, prompt("x")))).collect();
    assert_eq!(refused.len(), 300 - 257);
    assert!(refused.iter().all(|(_, it)| it.as_ref().unwrap_err().code == ErrorCode::InvalidState));
    let outputs = script.input(ClientInput::Disconnect { call: None });
    assert_eq!(answers(&outputs).len(), 257);
}

#[test]
fn the_longest_timeouts_do_not_overflow_the_clock() {
    let mut script = Script::live(config());
    let change = prompt("x");
    script.input(ClientInput::Update { call: 2, change, timeout: Duration::MAX });
    assert!(script.session.next_timeout() > Some(script.now + 1000 * SECOND));
}

#[test]
fn generation_comes_and_goes() {
    let mut script = Script::live(config());
    assert_eq!(states(&script.receive(r#"{"type":"generation_started"}"#)), [Generating]);
    assert_eq!(states(&script.receive(r#"{"type":"generation_started"}"#)), []);
    let outputs = script.receive(r#"{"type":"generation_ended","seconds":3,"reason":"error"}"#);
    assert_eq!(states(&outputs), [Connected]);
}
