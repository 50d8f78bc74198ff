//! What we ask of a session description (RFC 8866): is there video for us in it, and which way does
//! its sound go?

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

/// Who made a description, and for which connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Of the certificates, one a line, as they stand (RFC 8122 section 5).
    fingerprints: Vec<String>,
    /// Names and kinds of the media sections, in order.
    sections: Vec<(String, String)>,
    /// Of the path alone: they change when ICE is restarted (RFC 8839 section 5.4).
    credentials: Vec<String>,
}

impl Origin {
    pub(super) fn of(sdp: &str) -> Self {
        let mut origin = Self::default();
        for line in sdp.lines().map(str::trim_end) {
            if let Some(media) = line.strip_prefix("m=") {
                let kind = media.split(' ').next().unwrap_or_default();
                origin.sections.push((String::new(), kind.to_owned()));
            } else if let Some(mid) = line.strip_prefix("a=mid:") {
                if let Some((name, _)) = origin.sections.last_mut() {
                    mid.clone_into(name);
                }
            } else if line.starts_with("a=fingerprint:") {
                add_once(&mut origin.fingerprints, line);
            } else if line.starts_with("a=ice-ufrag:") || line.starts_with("a=ice-pwd:") {
                add_once(&mut origin.credentials, line);
            }
        }
        origin.fingerprints.sort_unstable();
        origin
    }

    /// Whether a later description restarts ICE for the same peer and the same media. Any other
    /// difference makes it that of another connection.
    pub(super) fn is_restarted_by(&self, later: &Self) -> bool {
        !self.fingerprints.is_empty()
            && self.fingerprints == later.fingerprints
            && self.sections == later.sections
            && !later.credentials.is_empty()
            && self.credentials.iter().all(|one| !later.credentials.contains(one))
    }
}

fn add_once(lines: &mut Vec<String>, line: &str) {
    if !lines.iter().any(|known| known == line) {
        lines.push(line.to_owned());
    }
}

/// Which way media goes, as the end that says so sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) sends: bool,
    pub(super) receives: bool,
}

/// An `m=audio` section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AudioSection {
    pub(super) mid: String,
    pub(super) flow: Flow,
    pub(super) opus: bool,
    /// Turned down as a whole, with port 0 (in an offer: one that is bundled says so otherwise).
    pub(super) rejected: bool,
}

/// The audio sections of a description, in order.
pub(super) fn audio_sections(sdp: &str) -> Vec<AudioSection> {
    let mut sections = Vec::new();
    for section in sdp.split("\nm=").skip(1).filter(|section| section.starts_with("audio ")) {
        let mut lines = section.lines().map(str::trim_end);
        let port = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut audio = AudioSection {
            mid: String::new(),
            // RFC 8866 section 6.7: what says nothing goes both ways.
            flow: Flow { sends: true, receives: true },
            opus: false,
            rejected: port == Some("0"),
        };
        for line in lines {
            match line {
                "a=sendrecv" => audio.flow = Flow { sends: true, receives: true },
                "a=sendonly" => audio.flow = Flow { sends: true, receives: false },
                "a=recvonly" => audio.flow = Flow { sends: false, receives: true },
                "a=inactive" => audio.flow = Flow::default(),
                "a=bundle-only" => audio.rejected = false,
                _ => {
                    if let Some(mid) = line.strip_prefix("a=mid:") {
                        mid.clone_into(&mut audio.mid);
                    }
                    let lower = line.to_ascii_lowercase();
                    audio.opus |= lower.starts_with("a=rtpmap:") && lower.contains(" opus/48000");
                }
            }
        }
        sections.push(audio);
    }
    sections
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
    fn the_way_of_the_sound_is_read() {
        let sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=rtpmap:111 OPUS/48000/2\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=sendonly\r\n\
            m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=recvonly\r\na=rtpmap:0 PCMU/8000\r\n";
        let sections = audio_sections(sdp);
        let [first, second] = sections.as_slice() else { panic!("{sections:?}") };
        assert_eq!((first.mid.as_str(), first.opus, first.rejected), ("a", true, false));
        assert_eq!(first.flow, Flow { sends: true, receives: true });
        assert_eq!(second.flow, Flow { sends: false, receives: true });
        assert_eq!((second.opus, second.rejected), (false, true));
    }

    #[test]
    fn only_new_credentials_of_the_same_peer_restart_ice() {
        let first = "v=0\r\na=fingerprint:sha-256 AA\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\n\
            a=ice-ufrag:one\r\na=ice-pwd:secret-one\r\n";
        let before = Origin::of(first);
        let restart = first.replace("one", "two");
        assert!(before.is_restarted_by(&Origin::of(&restart)));
        for other in [
            first.to_owned(),
            restart.replace("AA", "BB"),
            restart.replace("a=mid:0", "a=mid:1"),
            restart.replace("secret-two", "secret-one"),
            format!("{restart}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n"),
            String::new(),
        ] {
            assert!(!before.is_restarted_by(&Origin::of(&other)), "{other}");
        }
        let nothing = Origin::default();
        assert!(!nothing.is_restarted_by(&Origin::of(&restart)));
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
