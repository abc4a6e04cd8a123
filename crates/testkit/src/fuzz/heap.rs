//! Counts what a piece of code takes from the heap.

// SAFETY-ARGUMENT: every method of the allocator hands its arguments to the system's allocator and returns what that
// returns; counting touches only two thread-local numbers that need no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's heap, counted per thread. A test binary takes it with
/// `#[global_allocator] static HEAP: CountedHeap = CountedHeap;`. Memory that C libraries take is not counted.
pub struct CountedHeap;

fn note(len_bytes: isize) {
    // Gone at the very end of a thread; nobody measures there.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + len_bytes);
        PEAK.try_with(|peak| peak.set(peak.get().max(now.get())))
    });
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; every call is handed on as it came")]
// SAFETY: see the top of the file.
unsafe impl GlobalAlloc for CountedHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: as the caller of this method promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: as the caller of this method promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        // SAFETY: as the caller of this method promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_len_bytes: usize) -> *mut u8 {
        note(new_len_bytes as isize - layout.size() as isize);
        // SAFETY: as the caller of this method promises.
        unsafe { System.realloc(place, layout, new_len_bytes) }
    }
}

/// What `work` returns, and the most it held at any moment beyond what was held before, on this thread.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let outcome = work();
    let peak = PEAK.with(Cell::get) - before;
    (outcome, usize::try_from(peak).unwrap_or(0))
}

/// True when the heap of this binary is counted.
pub(crate) fn is_counted() -> bool {
    peak_of(|| std::hint::black_box(Vec::<u8>::with_capacity(1 << 16)).capacity()).1 >= 1 << 16
}
