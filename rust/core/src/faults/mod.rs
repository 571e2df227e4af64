//! Calls to the system that fail because a test says so: files that cannot be written, threads that cannot be started.
//!
//! Only [`output`](crate::output) and [`threads`](crate::threads) make these calls. They ask this module before each
//! call. Outside of tests the answer is known when the crate is compiled, and costs nothing.

#[cfg(test)]
mod plan;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use plan::{PLENTY, inherit, meet, starting};

/// A call to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// To open a new file.
    Open,
    /// To write to a file.
    Write,
    /// To wait until the disk has a file.
    Sync,
    /// To give a file its first name.
    Link,
    /// To move a file to its place.
    Rename,
    /// To start a thread.
    Start,
}

/// Fails if a test says that this call does.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn meet(_: Call) -> std::io::Result<()> {
    Ok(())
}

/// The work of a thread that is about to start, which is to meet the faults of the one that starts it.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn inherit<T, F: FnOnce() -> T>(work: F) -> F {
    work
}
