//! Large buffers go back to the system when they are done with.

// SAFETY-ARGUMENT: `mallopt` takes two numbers by value and touches nothing of ours; glibc asks only that no other thread
// allocates meanwhile, and it is called once, first thing in `main`, before any thread is started.

/// Buffers from this length on are mapped by themselves, as long as the process lives.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_FROM_BYTES: i32 = 1 << 20;

/// Keeps glibc from raising that length by itself. It does so, to 32 MiB, whenever a mapped buffer is freed; packs and frames
/// then live in the heaps of threads, between smaller things that keep their room from being given back: 60 MB more at the
/// peak of a backup of incompressible files (docs/benchmarks.md). Mapping anew costs 1 % of the time of a first backup.
///
/// Call it before anything else: no thread may be there yet. What the user has set (`MALLOC_MMAP_THRESHOLD_`,
/// `GLIBC_TUNABLES`) stands.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a call of the C library; see the top of the file")]
pub fn give_back_large_buffers() {
    let tunables = std::env::var("GLIBC_TUNABLES").unwrap_or_default();
    if std::env::var_os("MALLOC_MMAP_THRESHOLD_").is_none() && !tunables.contains("mmap_threshold") {
        // SAFETY: see the top of the file. Where it is refused, everything is as it was.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES) };
    }
}

/// Other C libraries do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back_large_buffers() {}
