//! The media link of a session: how it is to be opened, and what it reports.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use url::Url;

use super::addresses::is_public;
use super::driver::Input;
use super::{ConnectOptions, Shared};
use crate::media::AccessUnit;
use crate::media::audio::AudioPacket;
use crate::session::{Attempt, ClientInput, LinkEvent, LocalSignal};
use crate::transport::{AudioUse, IceServer, PeerConfig, PeerEvent, PeerObserver, Reach};

/// Used when the caller names no server and the service is not on this machine.
const DEFAULT_STUN: &str = "stun:stun.l.google.com:19302";

/// Reports what happens to the link of one attempt.
pub(super) struct LinkObserver {
    pub(super) attempt: Attempt,
    pub(super) news: mpsc::Sender<Input>,
    pub(super) shared: Arc<Shared>,
}

impl PeerObserver for LinkObserver {
    fn event(&self, event: PeerEvent) {
        let event = match event {
            PeerEvent::Candidate(candidate) => LinkEvent::Signal(LocalSignal::Candidate(candidate)),
            PeerEvent::Up => LinkEvent::Up,
            PeerEvent::Interrupted => LinkEvent::Interrupted,
            PeerEvent::Lost(why) => LinkEvent::Lost(why),
        };
        let input = ClientInput::Link { attempt: self.attempt, event };
        if self.news.try_send(Input::Session(input)).is_err() {
            tracing::warn!(target: "parhelion::client", "news of a link was lost");
        }
    }

    fn access_unit(&self, unit: AccessUnit) -> Option<Vec<u8>> {
        self.shared.media.access_unit(unit)
    }

    fn key_frame_requested(&self) {
        self.shared.media.request_key_frame();
    }

    fn audio_packet(&self, packet: AudioPacket) {
        self.shared.media.audio_packet(packet);
    }
}

/// A service on this machine needs neither STUN nor any other interface; to one in the same network
/// an address outside says nothing.
pub(super) fn peer_config(options: &ConnectOptions) -> PeerConfig {
    let url = Url::parse(&options.base_url).ok();
    let host = url.as_ref().and_then(Url::host);
    let ip = match host {
        Some(url::Host::Ipv4(ip)) => Some(IpAddr::from(ip)),
        Some(url::Host::Ipv6(ip)) => Some(IpAddr::from(ip)),
        _ => None,
    };
    let local = match host {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        _ => ip.is_some_and(|ip| ip.is_loopback()),
    };
    let ice_servers = options.ice_servers.clone().unwrap_or_else(|| {
        if local || ip.is_some_and(|ip| !is_public(ip)) {
            return Vec::new();
        }
        vec![IceServer { urls: vec![DEFAULT_STUN.to_owned()], ..Default::default() }]
    });
    let reach = if local { Reach::Loopback } else { Reach::Network };
    let watches = options.target.is_room();
    let audio = match (options.audio, watches) {
        (false, _) => AudioUse::None,
        (true, false) => AudioUse::Both,
        (true, true) => AudioUse::Receive,
    };
    let bitrates = options.bitrates;
    PeerConfig {
        ice_servers,
        reach,
        sends_video: !watches,
        audio,
        impairment: None,
        every_picture: options.flow.send.waits(),
        bitrates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Target;
    use crate::client::target::KeySource;
    use crate::media::PixelFormat;
    use crate::media::rate::Bitrates;

    fn options(base_url: &str) -> ConnectOptions {
        ConnectOptions {
            base_url: base_url.to_owned(),
            key: KeySource::Fixed("key".into()),
            target: Target::Model {
                spec: crate::catalog::find("mirage").unwrap(),
                resolution: None,
            },
            initial: Default::default(),
            timeouts: Default::default(),
            retry: Default::default(),
            ice_servers: None,
            ca_file: None,
            format: PixelFormat::Rgb24,
            bitrates: Bitrates::up_to(1_000_000),
            flow: Default::default(),
            audio: false,
            mirror: false,
            customize_offer: false,
            stats_interval: None,
            user_agent: String::new(),
        }
    }

    #[test]
    fn a_service_on_this_machine_or_in_its_network_needs_no_stun() {
        for (url, reach, asks) in [
            ("ws://127.0.0.1:9/v1/stream", Reach::Loopback, false),
            ("ws://localhost:9/", Reach::Loopback, false),
            ("ws://[::1]:9/", Reach::Loopback, false),
            ("wss://api.example.com/", Reach::Network, true),
            ("ws://1.1.1.1/", Reach::Network, true),
            ("ws://192.168.1.4/", Reach::Network, false),
            ("ws://[fd12:3456::1]/", Reach::Network, false),
        ] {
            let config = peer_config(&options(url));
            assert_eq!(config.reach, reach, "{url}");
            assert_eq!(config.ice_servers.is_empty(), !asks, "{url}");
        }
    }
}
