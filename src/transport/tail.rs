//! The last packet of a picture, sent again when nothing follows it.
//!
//! A receiver sees that a packet is missing by those that come after it. What is lost at the end of a
//! picture would stay lost until the next one, and so would a whole picture of one packet: for who
//! waits for an answer before sending more, that is for ever.

use std::sync::Arc;
use std::time::Duration;

use rtc::rtp;
use tokio::sync::watch;
use tokio::time::timeout;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// How long nothing must follow. Video of eight pictures a second and more needs no help.
const QUIET: [Duration; 3] =
    [Duration::from_millis(120), Duration::from_millis(240), Duration::from_millis(480)];

/// Knows the last packet of one track.
pub(super) struct Tail(watch::Sender<Option<rtp::Packet>>);

impl Tail {
    pub(super) fn of(track: Arc<TrackLocalStaticRTP>) -> Self {
        let (sender, last) = watch::channel(None);
        tokio::spawn(watch_over(track, last));
        Self(sender)
    }

    /// The packet was sent, and ends a picture.
    pub(super) fn sent(&self, packet: rtp::Packet) {
        self.0.send_replace(Some(packet));
    }
}

async fn watch_over(
    track: Arc<TrackLocalStaticRTP>,
    mut last: watch::Receiver<Option<rtp::Packet>>,
) {
    let mut times = QUIET.len();
    loop {
        let news = match QUIET.get(times) {
            Some(&quiet) => timeout(quiet, last.changed()).await.ok(),
            None => Some(last.changed().await),
        };
        match news {
            Some(Ok(())) => times = 0,
            Some(Err(_)) => return,
            None => {
                times += 1;
                let packet = last.borrow().clone();
                if let Some(packet) = packet
                    && track.write_rtp(packet).await.is_err()
                {
                    return;
                }
            }
        }
    }
}
