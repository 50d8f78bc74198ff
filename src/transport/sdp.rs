//! The one question we ask of a session description (RFC 8866): is there video in it?

use crate::error::{Error, ErrorCode, Result};

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
        return Err(Error::new(
            ErrorCode::Signaling,
            "the two ends have no video codec in common: expected H264 with packetization-mode=1 \
             and profile-level-id=42e01f",
        )
        .hint("offer H.264 constrained baseline"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=inactive\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=sendrecv\r\na=rtpmap:102 H264/90000\r\n";

    #[test]
    fn accepted_video_passes() {
        require_video(ACCEPTED).unwrap();
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
