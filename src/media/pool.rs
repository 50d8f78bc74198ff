//! Buffers that are used again.
//!
//! A 1280×720 RGB frame is 2.8 MB; taking and returning that much memory thirty times a second
//! costs page faults. The pool keeps a few buffers and never more.

use std::sync::{Mutex, PoisonError};

/// A bounded store of byte buffers, shared by `Arc`.
#[derive(Debug)]
pub struct BufferPool {
    capacity: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// Keeps at most `capacity` unused buffers; with 0 every buffer is a fresh one.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, free: Mutex::new(Vec::with_capacity(capacity)) }
    }

    /// A buffer of exactly `len` bytes. The bytes of a used buffer are whatever they were.
    pub fn get(&self, len: usize) -> Vec<u8> {
        let mut buffer = self.take().unwrap_or_default();
        // A much larger buffer would be held for good by ever smaller frames.
        if buffer.capacity() / 4 > len {
            buffer = Vec::new();
        }
        if buffer.capacity() < len {
            // Fresh zeroed memory is cheaper than growing, which copies stale bytes.
            return vec![0; len];
        }
        buffer.resize(len, 0);
        buffer
    }

    /// Gives a buffer back; it is freed if the pool is full.
    pub fn put(&self, buffer: Vec<u8>) {
        if buffer.capacity() == 0 {
            return;
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.capacity {
            free.push(buffer);
        }
    }

    /// Unused buffers at hand.
    pub fn len(&self) -> usize {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self) -> Option<Vec<u8>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_buffer_is_used_again() {
        let pool = BufferPool::new(2);
        let buffer = pool.get(1000);
        let address = buffer.as_ptr();
        pool.put(buffer);
        let again = pool.get(900);
        assert_eq!(again.as_ptr(), address);
        assert_eq!(again.len(), 900);
    }

    #[test]
    fn never_more_than_the_capacity() {
        let pool = BufferPool::new(2);
        for _ in 0..5 {
            pool.put(vec![0; 10]);
        }
        assert_eq!(pool.len(), 2);
    }

    #[test]
    fn a_huge_buffer_is_not_kept_for_small_frames() {
        let pool = BufferPool::new(1);
        pool.put(vec![0; 1 << 20]);
        assert!(pool.get(100).capacity() < 1 << 20);
    }
}
