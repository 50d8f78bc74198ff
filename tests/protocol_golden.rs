//! Every message shape that official clients and services put on the wire: each is parsed,
//! compared with the value that it stands for, written again, and compared as JSON.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use parhelion::protocol::{
    ClientMessage, Field, IceCandidate, Landmarks, MAX_MESSAGE_BYTES, ServerMessage, TurnConfig,
};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(name: &str) -> String {
    fs::read_to_string(folder().join(name).with_extension("json")).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "the messages hold an option")]
fn candidate(text: &str, mid: Option<&str>, index: Option<u16>) -> Option<IceCandidate> {
    Some(IceCandidate {
        candidate: text.into(),
        sdp_mid: mid.map(Into::into),
        sdp_m_line_index: index,
        username_fragment: None,
    })
}

fn set_image(image: Field<&str>, prompt: Field<&str>, enhance: Option<bool>) -> ClientMessage {
    fn own<T: for<'a> From<&'a str>>(field: Field<&str>) -> Field<T> {
        match field {
            Field::Absent => Field::Absent,
            Field::Null => Field::Null,
            Field::Value(text) => Field::Value(text.into()),
        }
    }
    ClientMessage::SetImage {
        image_data: own(image),
        prompt: own(prompt),
        enhance_prompt: enhance,
        landmarks: None,
        request_id: None,
    }
}

const HOST: &str = "candidate:1 1 udp 1 192.0.2.1 54400 typ host";

/// Name, value, and what is written again where that differs from the file.
type Case<M> = (&'static str, M, Option<Value>);

fn client_cases() -> Vec<Case<ClientMessage>> {
    use ClientMessage as C;
    use Field::{Absent, Null, Value};
    let prompt = |prompt: &str, enhance_prompt, request_id: Option<&str>| C::Prompt {
        prompt: prompt.into(),
        enhance_prompt,
        request_id: request_id.map(Into::into),
    };
    let mut long =
        candidate("candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host", Some("0"), Some(0));
    long.as_mut().unwrap().username_fragment = Some("EsAw".into());
    vec![
        ("client-offer", C::Offer { sdp: "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n".into() }, None),
        ("client-answer", C::Answer { sdp: "v=0\r\n".into() }, None),
        ("client-ice-candidate", C::IceCandidate { candidate: long }, None),
        (
            "client-ice-candidate-without-ufrag",
            C::IceCandidate { candidate: candidate(HOST, Some("video"), Some(1)) },
            None,
        ),
        (
            "client-ice-candidate-android",
            C::IceCandidate { candidate: candidate(HOST, Some("0"), Some(0)) },
            Some(json!({"type": "ice-candidate", "candidate":
                {"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0}})),
        ),
        (
            "client-ice-candidate-bare",
            C::IceCandidate { candidate: candidate("", None, None) },
            Some(json!({"type": "ice-candidate", "candidate":
                {"candidate": "", "sdpMid": null, "sdpMLineIndex": null}})),
        ),
        ("client-ice-candidate-end", C::IceCandidate { candidate: None }, None),
        ("client-prompt", prompt("oil painting, \"é\" 🎨", true, None), None),
        ("client-prompt-request-id", prompt("p", false, Some("7")), None),
        (
            "client-prompt-ios-without-enhance",
            prompt("p", true, None),
            Some(json!({"type": "prompt", "prompt": "p", "enhance_prompt": true})),
        ),
        ("client-set_image-passthrough", C::passthrough(), None),
        ("client-set_image-clear", set_image(Null, Absent, None), None),
        ("client-set_image-android-passthrough", set_image(Null, Absent, None), None),
        ("client-set_image-prompt-only", set_image(Null, Value("P"), Some(true)), None),
        ("client-set_image-image-only", set_image(Value("QUJD"), Absent, Some(true)), None),
        ("client-set_image-clear-enhance", set_image(Null, Absent, Some(true)), None),
        ("client-set_image-both", set_image(Value("QUJD"), Value("P"), Some(false)), None),
        ("client-set_image-initial-image", set_image(Value("QUJD"), Absent, None), None),
        ("client-set_image-ios-prompt", set_image(Absent, Value("P"), Some(false)), None),
        ("client-set_image-python-stripped", set_image(Absent, Absent, None), None),
        (
            "client-set_image-clear-prompt",
            C::SetImage {
                image_data: Value("QUJD".into()),
                prompt: Null,
                enhance_prompt: None,
                landmarks: None,
                request_id: Some("8".into()),
            },
            None,
        ),
        (
            "client-set_image-landmarks",
            C::SetImage {
                image_data: Value("QUJD".into()),
                prompt: Absent,
                enhance_prompt: None,
                landmarks: Some(Landmarks {
                    left_eye: Some([101.5, 98.0]),
                    right_eye: Some([180.25, 100.0]),
                    mouth_left: Some([110.0, 190.0]),
                    mouth_right: Some([172.0, 191.0]),
                    chin: None,
                }),
                request_id: Some("9".into()),
            },
            None,
        ),
        (
            "client-set_image-landmarks-profile",
            C::SetImage {
                image_data: Value("QUJD".into()),
                prompt: Absent,
                enhance_prompt: None,
                landmarks: Some(Landmarks {
                    left_eye: None,
                    right_eye: Some([206.0, 240.0]),
                    mouth_left: Some([166.0, 378.0]),
                    mouth_right: Some([185.0, 381.0]),
                    chin: Some([200.0, 472.0]),
                }),
                request_id: Some("9".into()),
            },
            None,
        ),
        ("client-switch_camera", C::SwitchCamera { rotate_y: 2 }, None),
        (
            "client-unknown",
            C::Unknown {
                kind: "livekit_join".into(),
                value: serde_json::from_str(&golden("client-unknown")).unwrap(),
            },
            None,
        ),
    ]
}

fn server_cases() -> Vec<Case<ServerMessage>> {
    use ServerMessage as S;
    let named = |ip: Option<&str>, server_port| S::SessionId {
        session_id: "s-1".into(),
        server_ip: ip.map(Into::into),
        server_port,
        viewer_token: None,
    };
    let prompt_ack = |error: Option<&str>, request_id: Option<&str>| S::PromptAck {
        prompt: "p".into(),
        success: error.is_none(),
        error: error.map(Into::into),
        request_id: request_id.map(Into::into),
    };
    let image_ack = |error: Option<&str>, request_id: Option<&str>| S::SetImageAck {
        success: error.is_none(),
        error: error.map(Into::into),
        request_id: request_id.map(Into::into),
    };
    let credits = || S::Error { error: "Insufficient credits".into(), code: None };
    let place = || S::QueuePosition { position: 3, size: Some(9) };
    let place_json =
        || json!({"type": "queue_position", "position": 3, "queue_position": 3, "queue_size": 9});
    let bare_id = || json!({"type": "session_id", "session_id": "s-1"});
    let turn_config = TurnConfig {
        username: "u".into(),
        credential: "hidden".into(),
        server_url: "turn:192.0.2.1:3478".into(),
    };
    vec![
        ("server-session_id", named(Some("10.0.0.1"), Some(8000)), None),
        (
            "server-session_id-viewer-token",
            S::SessionId {
                session_id: "s-1".into(),
                server_ip: Some("10.0.0.1".into()),
                server_port: Some(8000),
                viewer_token: Some("vt_a.b.c".into()),
            },
            None,
        ),
        ("server-session_id-camel", named(None, None), Some(bare_id())),
        ("server-session_id-both", named(None, None), Some(bare_id())),
        ("server-prompt_ack", prompt_ack(None, None), None),
        (
            "server-prompt_ack-without-error",
            prompt_ack(None, None),
            Some(json!({"type": "prompt_ack", "prompt": "p", "success": true, "error": null})),
        ),
        ("server-prompt_ack-failure", prompt_ack(Some("moderated"), Some("7")), None),
        ("server-set_image_ack", image_ack(None, None), None),
        (
            "server-set_image_ack-without-error",
            image_ack(None, None),
            Some(json!({"type": "set_image_ack", "success": true, "error": null})),
        ),
        ("server-set_image_ack-failure", image_ack(Some("too large"), Some("8")), None),
        ("server-offer", S::Offer { sdp: "v=0\r\n".into() }, None),
        ("server-answer", S::Answer { sdp: "v=0\r\n".into() }, None),
        (
            "server-ice-candidate",
            S::IceCandidate { candidate: candidate(HOST, Some("0"), Some(0)) },
            None,
        ),
        ("server-ice-candidate-end", S::IceCandidate { candidate: None }, None),
        ("server-generation_started", S::GenerationStarted, None),
        ("server-generation_tick", S::GenerationTick { seconds: 12.0, service_stats: None }, None),
        (
            "server-generation_tick-fractional",
            S::GenerationTick { seconds: 1.5, service_stats: None },
            None,
        ),
        (
            "server-generation_tick-whole-float",
            S::GenerationTick { seconds: 2.0, service_stats: None },
            Some(json!({"type": "generation_tick", "seconds": 2})),
        ),
        (
            "server-generation_ended",
            S::GenerationEnded { seconds: 30.0, reason: "insufficient_credits".into() },
            None,
        ),
        (
            "server-generation_ended-bare",
            S::GenerationEnded { seconds: 0.0, reason: String::new() },
            Some(json!({"type": "generation_ended", "seconds": 0, "reason": ""})),
        ),
        ("server-error", credits(), None),
        (
            "server-error-message",
            credits(),
            Some(json!({"type": "error", "error": "Insufficient credits"})),
        ),
        ("server-ready", S::Ready, None),
        ("server-ice-restart", S::IceRestart { turn_config }, None),
        ("server-status", S::Status { status: "Entering queue".into() }, None),
        ("server-queue_position", place(), None),
        ("server-queue_position-old", place(), Some(place_json())),
        ("server-queue_position-new", place(), Some(place_json())),
        (
            "server-unknown",
            S::Unknown {
                kind: "livekit_room_info".into(),
                value: serde_json::from_str(&golden("server-unknown")).unwrap(),
            },
            None,
        ),
    ]
}

fn check<M: PartialEq + Debug + serde::de::DeserializeOwned + serde::Serialize>(
    cases: &[Case<M>],
    parse: fn(&str) -> parhelion::error::Result<M>,
    write: fn(&M) -> String,
) {
    for (name, message, written) in cases {
        let text = golden(name);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parse(&text).as_ref(), Ok(message), "{name}");
        assert_eq!(serde_json::from_str::<M>(&text).unwrap(), *message, "{name} through serde");
        let again: Value = serde_json::from_str(&write(message)).unwrap();
        assert_eq!(again, written.clone().unwrap_or(value), "{name} written again");
        assert_eq!(serde_json::to_value(message).unwrap(), again, "{name} through serde");
        assert_eq!(parse(&write(message)).as_ref(), Ok(message), "{name} read again");
    }
}

#[test]
fn client_messages() {
    check(&client_cases(), ClientMessage::parse, ClientMessage::to_json);
}

#[test]
fn server_messages() {
    check(&server_cases(), ServerMessage::parse, ServerMessage::to_json);
}

#[test]
fn every_golden_file_is_read() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let names = client_cases().into_iter().map(|(name, ..)| name.to_owned());
    let names = names.chain(server_cases().into_iter().map(|(name, ..)| name.to_owned()));
    assert_eq!(files, names.collect());
}

#[test]
fn whole_seconds_are_written_without_a_fraction() {
    let text = ServerMessage::GenerationTick { seconds: 2.0, service_stats: None }.to_json();
    assert_eq!(text, r#"{"type":"generation_tick","seconds":2}"#);
}

#[test]
fn what_cannot_be_read_is_explained_and_not_repeated() {
    let secret = "S3CRET".repeat(100);
    for (text, expected) in [
        (String::new(), "string field `type`"),
        ("[]".to_owned(), "string field `type`"),
        (r#"{"type":5}"#.to_owned(), "string field `type`"),
        (format!(r#"{{"type":"{secret}"#), "not valid JSON"),
        (format!(r#"{{"type":"prompt","text":"{secret}"}}"#), "missing field `prompt`"),
        (format!(r#"{{"type":"prompt","prompt":["{secret}"]}}"#), "expected a string"),
        (
            format!(r#"{{"type":"prompt","prompt":"x","enhance_prompt":"{secret}"}}"#),
            "expected a boolean",
        ),
        (
            format!(r#"{{"type":"switch_camera","rotateY":", expected {secret}"}}"#),
            "{rotateY: 0 or 2}",
        ),
        (format!(r#"{{"type":"set_image","image_data":{{"a":"{secret}"}}}}"#), "got map"),
    ] {
        let error = ClientMessage::parse(&text).unwrap_err();
        assert_eq!(error.code.as_str(), "WEBRTC_SIGNALING_ERROR");
        assert!(error.message.contains(expected), "{}", error.message);
        assert!(!error.message.contains("S3CRETS3CRET"), "{}", error.message);
        assert!(error.message.len() < 400);
    }
    let error =
        ServerMessage::parse(r#"{"type":"session_id","session_id":"a","server_port":70000}"#);
    let message = error.unwrap_err().message;
    assert!(message.contains("expected u16") && message.contains("got integer"), "{message}");
}

#[test]
fn the_size_of_a_message_is_bounded() {
    let image = "A".repeat(MAX_MESSAGE_BYTES - 100);
    let fits = format!(r#"{{"type":"set_image","image_data":"{image}"}}"#);
    assert!(ClientMessage::parse(&fits).is_ok());
    let large = format!(r#"{{"type":"set_image","image_data":"{image}{image}"}}"#);
    let error = ClientMessage::parse(&large).unwrap_err();
    assert!(error.message.contains("33554432"), "{}", error.message);
    let filler = "A".repeat(100_000);
    let unknown =
        ClientMessage::parse(&format!(r#"{{"type":"new","filler":"{filler}"}}"#)).unwrap();
    assert_eq!(unknown, ClientMessage::Unknown { kind: "new".into(), value: Value::Null });
}

#[test]
fn what_carries_no_description_prompt_or_picture_is_short() {
    // As a tree of values, this would be a hundred times as large.
    let lists = "[],".repeat(30_000);
    let tick = format!(r#"{{"type":"generation_tick","seconds":1,"service_stats":[{lists}0]}}"#);
    let error = ServerMessage::parse(&tick).unwrap_err();
    assert!(error.message.contains("at most 65536 bytes, got 900"), "{}", error.message);
    let long = "x".repeat(70_000);
    let candidate = format!(r#"{{"type":"ice-candidate","candidate":{{"candidate":"{long}"}}}}"#);
    assert!(ServerMessage::parse(&candidate).is_err());
    assert!(ClientMessage::parse(&candidate).is_err());
    for kept in [
        format!(r#"{{"type":"answer","sdp":"{long}"}}"#),
        format!(r#"{{"type":"prompt_ack","prompt":"{long}","success":true}}"#),
    ] {
        assert!(ServerMessage::parse(&kept).is_ok());
    }
}

#[test]
fn a_candidate_fits_with_all_that_names_it() {
    let one = |candidate: usize, mid: usize| IceCandidate {
        candidate: "c".repeat(candidate),
        sdp_mid: Some("m".repeat(mid)),
        sdp_m_line_index: None,
        username_fragment: Some("u".repeat(4)),
    };
    assert!(one(1019, 1).fits());
    assert!(!one(1020, 1).fits());
    assert!(!one(100, 1000).fits());
}

#[test]
fn messages_print_without_what_must_stay_private() {
    let printed: Vec<String> = [
        ClientMessage::parse(r#"{"type":"set_image","image_data":"UEVST04="}"#),
        ClientMessage::parse(r#"{"type":"offer","sdp":"a=ice-pwd:UEVST04="}"#),
    ]
    .into_iter()
    .map(|message| format!("{:?}", message.unwrap()))
    .chain([format!("{:?}", ServerMessage::parse(&golden("server-ice-restart")).unwrap())])
    .collect();
    assert!(printed[0].contains("<8 bytes base64>"), "{}", printed[0]);
    assert!(printed[1].contains("<18 bytes sdp>"), "{}", printed[1]);
    assert!(printed[2].contains("credential: ***"), "{}", printed[2]);
    assert!(printed.iter().all(|text| !text.contains("UEVST04") && !text.contains("hidden")));
}
