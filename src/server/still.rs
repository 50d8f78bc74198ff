//! The picture of a model that is driven by sound, while its client sends no video: the reference
//! image, or a grey card, at the model's frame rate.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::sound::{Sound, is_after};
use crate::catalog::ModelSpec;
use crate::error::Result;
use crate::media::{FrameView, I420, NtpTime, Picture, PixelFormat, SteadyClock};
use crate::transport::video::{CurrentPeer, OutgoingFrame, VideoSender, lock, spawn};

/// Neutral grey, half as bright as white to the eye.
const GREY: Rgb<u8> = Rgb([119, 119, 119]);
/// What an image of another shape leaves free.
const MARGIN: Rgb<u8> = Rgb([0, 0, 0]);
/// A client that has sent no picture for this long sends none at present.
const NO_VIDEO: Duration = Duration::from_millis(500);

/// What the picture is to be of.
enum Motif {
    Unchanged,
    Card,
    Image(Arc<Picture>),
}

struct State {
    /// What has not been drawn yet.
    motif: Motif,
    last_video: Option<Instant>,
    over: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The still picture of one session. Its thread ends when it is dropped.
pub(super) struct Still(Arc<Shared>);

impl Still {
    pub(super) fn start(
        spec: &ModelSpec,
        peer: Arc<CurrentPeer>,
        sender: Arc<VideoSender>,
        sound: Arc<Sound>,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { motif: Motif::Card, last_video: None, over: false }),
            changed: Condvar::new(),
        });
        let worker = Arc::clone(&shared);
        let (width, height) = (spec.width, spec.height);
        let interval = Duration::from_secs_f64(1.0 / spec.fps.clamp(1.0, 60.0));
        spawn("parhelion-still", move || {
            let mut showing =
                Showing { card: None, last: None, clock: SteadyClock::default(), width, height };
            while let Some(motif) = worker.wait(interval) {
                match motif {
                    Motif::Unchanged => {}
                    Motif::Card => showing.draw(None),
                    Motif::Image(image) => showing.draw(Some(&image)),
                }
                if peer.get().is_some() {
                    showing.send(&sender, &sound);
                }
            }
        })?;
        Ok(Self(shared))
    }

    /// The reference image has changed.
    pub(super) fn set_image(&self, image: Option<Arc<Picture>>) {
        lock(&self.0.state).motif = image.map_or(Motif::Card, Motif::Image);
    }

    /// The client has sent a picture.
    pub(super) fn video_came(&self) {
        lock(&self.0.state).last_video = Some(Instant::now());
    }

    pub(super) fn stop(&self) {
        lock(&self.0.state).over = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Waits until a picture is due, and returns what it is to be of. None: it is over.
    fn wait(&self, interval: Duration) -> Option<Motif> {
        let due = Instant::now() + interval;
        let mut state = lock(&self.state);
        loop {
            if state.over {
                return None;
            }
            let left = due.saturating_duration_since(Instant::now());
            let quiet = state.last_video.is_none_or(|at| at.elapsed() >= NO_VIDEO);
            if left.is_zero() && quiet {
                return Some(std::mem::replace(&mut state.motif, Motif::Unchanged));
            }
            let left = if left.is_zero() { interval } else { left };
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

struct Showing {
    card: Option<I420>,
    last: Option<NtpTime>,
    clock: SteadyClock,
    width: u32,
    height: u32,
}

impl Showing {
    fn draw(&mut self, image: Option<&Picture>) {
        let drawn = letterboxed(image, self.width, self.height);
        let mut card = I420::default();
        let view = FrameView::packed(PixelFormat::Rgb24, &drawn, self.width, self.height);
        match view.and_then(|view| card.fill_from(&view)) {
            Ok(()) => self.card = Some(card),
            Err(error) => tracing::warn!(target: "parhelion::server", "a still picture: {error}"),
        }
    }

    fn send(&mut self, sender: &VideoSender, sound: &Sound) {
        let Some(card) = &self.card else { return };
        let mut picture = sender.picture();
        if picture.copy_from(card.planes()).is_err() {
            return sender.recycle(picture);
        }
        // In the client's time, so that it can be set against the sound.
        let heard = sound.clock(Instant::now());
        let now = heard.unwrap_or_else(|| self.clock.now());
        let capture_time = match self.last {
            Some(last) if !is_after(now, last) => NtpTime(last.0.wrapping_add(1)),
            _ => now,
        };
        self.last = Some(capture_time);
        sender.send(OutgoingFrame { picture, capture_time });
    }
}

/// The image as large as it fits into the size, in the middle; without one a grey card. Packed RGB.
fn letterboxed(image: Option<&Picture>, width: u32, height: u32) -> Vec<u8> {
    let image = image.filter(|image| image.width > 0 && image.height > 0);
    let source =
        image.and_then(|image| RgbImage::from_raw(image.width, image.height, image.data.clone()));
    let Some(source) = source else {
        return RgbImage::from_pixel(width, height, GREY).into_raw();
    };
    let scale = (f64::from(width) / f64::from(source.width()))
        .min(f64::from(height) / f64::from(source.height()));
    let side = |of: u32, limit: u32| ((f64::from(of) * scale).round() as u32).clamp(1, limit);
    let (w, h) = (side(source.width(), width), side(source.height(), height));
    let scaled = imageops::resize(&source, w, h, FilterType::Triangle);
    if (w, h) == (width, height) {
        return scaled.into_raw();
    }
    let mut card = RgbImage::from_pixel(width, height, MARGIN);
    imageops::replace(&mut card, &scaled, ((width - w) / 2).into(), ((height - h) / 2).into());
    card.into_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(card: &[u8], width: u32, x: u32, y: u32) -> [u8; 3] {
        let at = (y * width + x) as usize * 3;
        [card[at], card[at + 1], card[at + 2]]
    }

    fn image(width: u32, height: u32) -> Picture {
        Picture { width, height, data: [200, 10, 20].repeat((width * height) as usize) }
    }

    #[test]
    fn an_image_of_another_shape_has_margins() {
        let card = letterboxed(Some(&image(50, 100)), 128, 72);
        assert_eq!(pixel(&card, 128, 64, 36), [200, 10, 20]);
        assert_eq!(pixel(&card, 128, 64, 0), [200, 10, 20]);
        assert_eq!(pixel(&card, 128, 40, 36), [0, 0, 0]);
        assert_eq!(pixel(&card, 128, 90, 36), [0, 0, 0]);
        let card = letterboxed(Some(&image(4000, 200)), 128, 72);
        assert_eq!(pixel(&card, 128, 5, 36), [200, 10, 20]);
        assert_eq!(pixel(&card, 128, 5, 30), [0, 0, 0]);
    }

    #[test]
    fn an_image_of_the_same_shape_fills_the_picture_and_no_image_is_grey() {
        let card = letterboxed(Some(&image(64, 36)), 128, 72);
        assert!(card.chunks(3).all(|pixel| pixel == [200, 10, 20]));
        assert_eq!(pixel(&letterboxed(None, 128, 72), 128, 3, 3), GREY.0);
        assert_eq!(letterboxed(Some(&image(0, 0)), 16, 16).len(), 16 * 16 * 3);
    }
}
