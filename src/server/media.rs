//! The media half of a session: from the decoder through the model to the encoder, and the sound.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use super::Service;
use super::caller::Caller;
use super::link::{LinkObserver, MediaSeen, Observe, Observed};
use super::portrait::Portrait;
use super::processing::{News, Processing, SessionContext};
use super::registry::RegisteredModel;
use super::session::Input;
use super::sound::Sound;
use crate::error::Result;
use crate::media::rate::Bitrates;
use crate::media::{H264Config, H264Decoder, H264Encoder};
use crate::transport::video::{CurrentPeer, SenderQueue, VideoReceiver, VideoSender};

/// Exists from the start, so that a state can be set before an offer.
pub(super) struct Media {
    pub(super) peer: Arc<CurrentPeer>,
    pub(super) sender: Arc<VideoSender>,
    pub(super) receiver: Arc<VideoReceiver>,
    pub(super) processing: Arc<Processing>,
    sound: Arc<Sound>,
    /// Of a model that is driven by sound.
    pub(super) portrait: Option<Arc<Portrait>>,
}

impl Media {
    pub(super) fn start(
        service: &Service,
        model: &RegisteredModel,
        context: SessionContext,
        caller: Caller,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Self> {
        let told = inputs.clone();
        let peer = Arc::<CurrentPeer>::default();
        let Bitrates { start, max, .. } = service.options.bitrates;
        let encoder = H264Encoder::new(H264Config {
            bitrate: start,
            max_bitrate: max,
            threads: model.encoding_threads,
            ..Default::default()
        })?;
        let queue =
            SenderQueue { place: "encoder", capacity: 1, every: caller.wants_all, lost: None };
        let sender = VideoSender::start_with(queue, Arc::clone(&peer), Box::new(encoder), start)?;
        let sender = Arc::new(sender);
        let processing = Arc::new(Processing::start(
            model,
            context,
            Arc::clone(&sender),
            Arc::clone(&service.options.faults),
            Box::new(move |news| {
                let _ = inputs.try_send(match news {
                    News::Failed { error, fatal } => Input::ModelFailed { error, fatal },
                    News::Understood(report) => Input::Understood(report),
                });
            }),
        )?);
        let speaking = Arc::<OnceLock<Weak<Portrait>>>::default();
        let (pictures, painted) = (Arc::clone(&processing), Arc::clone(&speaking));
        let sound = Arc::new(Sound::new(
            Arc::clone(&peer),
            Arc::clone(sender.fan_out()),
            Box::new(move || {
                let portrait = painted.get().and_then(Weak::upgrade);
                let painting = portrait.map_or(Duration::ZERO, |portrait| portrait.delay());
                pictures.delay().max(painting)
            }),
        ));
        let portrait = if model.spec.accepts_audio {
            let portrait = Arc::new(Portrait::start(
                &model.spec,
                Arc::clone(&peer),
                Arc::clone(&sender),
                &sound,
                Box::new(move |report| {
                    let _ = told.try_send(Input::Understood(Box::new(report)));
                }),
            )?);
            let _ = speaking.set(Arc::downgrade(&portrait));
            Some(portrait)
        } else {
            None
        };
        let (target, instead) = (Arc::clone(&processing), portrait.clone());
        let receiver = Arc::new(VideoReceiver::start(
            "decoder",
            Arc::clone(&peer),
            Box::new(H264Decoder::new()?),
            move |planes, capture_time| {
                if let Some(portrait) = &instead {
                    portrait.video_came();
                }
                target.accept(planes, capture_time);
            },
        )?);
        Ok(Self { peer, sender, receiver, processing, sound, portrait })
    }

    /// Makes the observer of each link.
    pub(super) fn observe(&self, inputs: mpsc::Sender<Input>, seen: &Arc<MediaSeen>) -> Observe {
        let (sender, receiver) = (Arc::clone(&self.sender), Arc::clone(&self.receiver));
        let seen = Arc::clone(seen);
        let sound = Arc::clone(&self.sound);
        Box::new(move |link| {
            let up = Arc::<AtomicBool>::default();
            let observer = LinkObserver {
                link,
                up: Arc::clone(&up),
                seen: Arc::clone(&seen),
                inputs: inputs.clone(),
                sender: Arc::clone(&sender),
                receiver: Arc::clone(&receiver),
                sound: Arc::clone(&sound),
            };
            let start_bitrate = sender.stats().target_bitrate;
            Observed { observer: Arc::new(observer), start_bitrate, up }
        })
    }

    /// Stops the threads without waiting: a model may hold its own for as long as it likes.
    pub(super) fn stop(&self) {
        self.receiver.stop();
        self.processing.stop();
        if let Some(portrait) = &self.portrait {
            portrait.stop();
        }
        self.sound.stop();
        self.sender.stop();
    }
}
