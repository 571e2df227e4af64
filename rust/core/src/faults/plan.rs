//! The calls that fail. A thread plans them for itself and for the threads that it starts.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Call;

/// No limit to the number of threads.
pub(crate) const PLENTY: usize = usize::MAX;

/// The plan for one kind of call.
pub(super) struct FaultPlan {
    call: Call,
    /// The number of calls that succeed before one fails.
    granted: usize,
    /// Whether the calls after it fail, too.
    lasts: bool,
    met: AtomicUsize,
}

thread_local! {
    static PLAN: RefCell<Option<Arc<FaultPlan>>> = const { RefCell::new(None) };
}

/// Does `work` while one call of a kind fails, after a number of calls that succeed. If the failure `lasts`, all later
/// calls fail, too. Says whether one failed.
pub(super) fn with<T>(call: Call, granted: usize, lasts: bool, work: impl FnOnce() -> T) -> (T, bool) {
    let plan = Arc::new(FaultPlan { call, granted, lasts, met: AtomicUsize::new(0) });
    PLAN.set(Some(Arc::clone(&plan)));
    let made = work();
    PLAN.set(None);
    (made, plan.met.load(Ordering::SeqCst) > granted)
}

/// Does `work` while at most this number of threads can be started.
pub(crate) fn starting<T>(most: usize, work: impl FnOnce() -> T) -> T {
    with(Call::Start, most, true, work).0
}

/// Fails if this call does.
pub(crate) fn meet(call: Call) -> io::Result<()> {
    PLAN.with_borrow(|plan| {
        let Some(plan) = plan.as_ref().filter(|plan| plan.call == call) else { return Ok(()) };
        let before = plan.met.fetch_add(1, Ordering::SeqCst);
        let fails = if plan.lasts { before >= plan.granted } else { before == plan.granted };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    })
}

/// The work of a thread that is about to start, under the plan of the one that starts it.
pub(crate) fn inherit<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let plan = PLAN.with_borrow(Clone::clone);
    move || {
        PLAN.set(plan);
        work()
    }
}
