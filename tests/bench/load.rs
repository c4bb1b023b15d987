//! Making calls.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};

/// Calls with the numbers from 0 on, so many at once, and gives how long all of them took.
pub async fn drive<Call: Future<Output = ()>>(
    calls: usize,
    at_once: usize,
    call: impl FnMut(usize) -> Call,
) -> Duration {
    let begun = Instant::now();
    stream::iter(0..calls).map(call).buffer_unordered(at_once).for_each(async |()| {}).await;
    begun.elapsed()
}
