//! Planes for the time of one operation, in memory that all operations of a thread share.
//!
//! A plane of a picture of 1280x704 is 0.9 MB. An operation keeps what it needs of the frame before; what
//! it needs only while it runs, the next one can have after it.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::image::{Image, Plane};

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A [`Plane`] or an [`Image`] whose memory goes back when it is dropped.
pub(in crate::models) struct Brief<T: Planes>(T);

pub(in crate::models) trait Planes: Default {
    fn planes(&mut self) -> &mut [Plane];
    fn size(&self) -> (usize, usize);
}

impl Planes for Plane {
    fn planes(&mut self) -> &mut [Plane] {
        std::slice::from_mut(self)
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

impl Planes for Image {
    fn planes(&mut self) -> &mut [Plane] {
        &mut self.planes
    }

    fn size(&self) -> (usize, usize) {
        self.planes[0].size()
    }
}

impl<T: Planes> Brief<T> {
    /// One of this size. Contents are unspecified.
    pub fn of(width: usize, height: usize) -> Self {
        let mut made = T::default();
        for plane in made.planes() {
            plane.data = take(width * height);
            plane.fit(width, height);
        }
        Self(made)
    }

    /// One of the size of `other`.
    pub fn like(other: &T) -> Self {
        let (width, height) = other.size();
        Self::of(width, height)
    }
}

impl Brief<Plane> {
    /// The luma of an image.
    pub fn luma_of(image: &Image) -> Self {
        let mut luma = Self::of(image.width(), image.height());
        image.luma(&mut luma);
        luma
    }
}

impl<T: Planes> Drop for Brief<T> {
    fn drop(&mut self) {
        for plane in self.0.planes() {
            let data = std::mem::take(&mut plane.data);
            // A thread that ends keeps nothing.
            let _ = FREE.try_with(|free| free.borrow_mut().push(data));
        }
    }
}

impl<T: Planes> Deref for Brief<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Planes> DerefMut for Brief<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// Frees what this thread has at hand.
pub(in crate::models) fn free_all() {
    FREE.with(|free| free.borrow_mut().clear());
}

/// The smallest buffer that is large enough; otherwise the largest, which then grows. The same
/// operations in the same order find the same memory.
fn take(len: usize) -> Vec<u8> {
    FREE.with(|free| {
        let mut free = free.borrow_mut();
        let enough = |&at: &usize| free[at].capacity() >= len;
        let best = (0..free.len()).filter(enough).min_by_key(|&at| free[at].capacity());
        let best = best.or_else(|| (0..free.len()).max_by_key(|&at| free[at].capacity()));
        let Some(best) = best else { return Vec::with_capacity(len) };
        let mut data = free.swap_remove(best);
        // Growing would copy what nobody reads.
        if data.capacity() < len {
            data = Vec::with_capacity(len);
        }
        data
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again_where_it_fits_best() {
        free_all();
        let (large, small) = (Brief::<Plane>::of(40, 10), Brief::<Plane>::of(8, 10));
        let places = [large.data.as_ptr(), small.data.as_ptr()];
        drop((large, small));
        let (small, large) = (Brief::<Plane>::of(4, 4), Brief::<Plane>::of(20, 20));
        assert_eq!([large.data.as_ptr(), small.data.as_ptr()], places);
        assert_eq!((small.width, small.height, small.data.len()), (4, 4, 16));
    }

    #[test]
    fn an_image_that_was_swapped_goes_back_as_well() {
        free_all();
        let mut image = Image::default();
        let mut made = Brief::<Image>::of(6, 4);
        std::mem::swap(&mut image, &mut *made);
        drop(made);
        assert_eq!((image.width(), image.height()), (6, 4));
        FREE.with(|free| assert_eq!(free.borrow().len(), 3));
        free_all();
    }
}
