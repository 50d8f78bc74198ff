//! The one question we ask of a session description (RFC 8866): is there video for us in it?

use crate::error::{Error, ErrorCode, Result};

fn no_common_codec() -> Error {
    Error::new(
        ErrorCode::Signaling,
        "the two ends have no video codec in common: expected H264 with packetization-mode=1 and \
         profile-level-id=42e01f",
    )
    .retryable(false)
    .hint("offer H.264 constrained baseline")
}

/// Checks that an offer has video that we can answer.
pub(super) fn require_offered_video(offer: &str) -> Result<()> {
    let mut sections = offer.split("\nm=").skip(1);
    let Some(video) = sections.find(|section| section.starts_with("video ")) else {
        return Err(Error::new(
            ErrorCode::Signaling,
            "expected video in the offer, but it has no m=video section",
        )
        .retryable(false));
    };
    let h264 = |line: &str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("a=rtpmap:") && line.contains(" h264/")
    };
    if video.lines().any(h264) { Ok(()) } else { Err(no_common_codec()) }
}

/// Checks that an answer takes up the video of its offer.
pub(super) fn require_video(answer: &str) -> Result<()> {
    let mut sections = answer.split("\nm=").skip(1);
    let Some(video) = sections.find(|section| section.starts_with("video ")) else {
        return Err(Error::new(
            ErrorCode::Signaling,
            "expected video in the answer, but it has no m=video section",
        ));
    };
    let port = video.split(' ').nth(1);
    let inactive = video.lines().any(|line| line.trim_end() == "a=inactive");
    let codec = video.lines().any(|line| line.starts_with("a=rtpmap:"));
    if port == Some("0") || inactive || !codec {
        return Err(no_common_codec());
    }
    Ok(())
}

/// Tells browsers at which rate to begin. Left to themselves they begin at 300 kbit/s, and shrink
/// the picture until they dare more. Others ignore the parameter.
pub fn suggest_start_bitrate(answer: &str, bits_per_second: u32) -> String {
    let suggestion = format!(";x-google-start-bitrate={}", bits_per_second / 1000);
    let mut suggested = String::with_capacity(answer.len() + 2 * suggestion.len());
    for line in answer.split_inclusive('\n') {
        let text = line.trim_end();
        suggested.push_str(text);
        if text.starts_with("a=fmtp:") && text.contains("profile-level-id") {
            suggested.push_str(&suggestion);
        }
        suggested.push_str(&line[text.len()..]);
    }
    suggested
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=inactive\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=sendrecv\r\na=rtpmap:102 H264/90000\r\n";

    #[test]
    fn the_start_bitrate_is_added_to_the_video_format_alone() {
        let answer =
            "a=fmtp:111 useinbandfec=1\r\na=fmtp:102 profile-level-id=42e01f\r\na=mid:0\r\n";
        assert_eq!(
            suggest_start_bitrate(answer, 2_500_000),
            "a=fmtp:111 useinbandfec=1\r\n\
             a=fmtp:102 profile-level-id=42e01f;x-google-start-bitrate=2500\r\na=mid:0\r\n"
        );
    }

    #[test]
    fn accepted_video_passes() {
        require_video(ACCEPTED).unwrap();
        require_offered_video(ACCEPTED).unwrap();
    }

    #[test]
    fn an_offer_without_our_codec_is_told_which_one_to_bring() {
        let error = require_offered_video(&ACCEPTED.replace("H264", "VP8")).unwrap_err();
        assert!(error.message.contains("H264"), "{}", error.message);
        let error = require_offered_video(&ACCEPTED.replace("m=video", "m=text")).unwrap_err();
        assert!(error.message.contains("no m=video"), "{}", error.message);
    }

    #[test]
    fn rejected_inactive_and_missing_video_are_told() {
        let cases = [
            (ACCEPTED.replace("video 9", "video 0"), "codec"),
            (ACCEPTED.replace("sendrecv", "inactive"), "codec"),
            (ACCEPTED.replace("m=video", "m=text"), "no m=video"),
            (String::new(), "no m=video"),
        ];
        for (sdp, expected) in cases {
            let error = require_video(&sdp).unwrap_err();
            assert_eq!(error.code, ErrorCode::Signaling);
            assert!(error.message.contains(expected), "{sdp}: {}", error.message);
        }
    }
}
