//! Wide vectors, chosen when the program runs.
//!
//! Every hot loop runs inside [`wide`], which compiles it twice: once for any processor and once
//! for those with AVX2 and FMA. Both do the same operations in the same order, so that they give
//! the same picture. What such a loop calls must be inlined into it, or it stays narrow.

use std::cell::Cell;

use pulp::Arch;

thread_local! {
    static PORTABLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the widest vectors that this processor has.
#[inline(always)]
pub(in crate::models) fn wide<R>(work: impl FnOnce() -> R) -> R {
    if PORTABLE.get() { work() } else { Arch::new().dispatch(work) }
}

/// Runs `work` with the vectors that every processor has, as far as it stays on this thread: what
/// an old processor would compute can then be compared.
pub fn portably<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            PORTABLE.set(self.0);
        }
    }
    let _restore = Restore(PORTABLE.replace(true));
    work()
}
