//! Answers whose time does not show whether somebody is known.
//!
//! What is done for an address that has an account and for one that has none takes nearly as long, and who asks often enough sees the
//! difference. So these answers are given at whole steps after the call began. A step is longer than the work takes; where the machine is
//! so busy that it is not, the answer comes a step later, and how busy it is shows much more than who is known.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The beginning of a call whose answer is held back.
#[must_use = "the answer is held back by `hold`"]
pub(crate) struct Even {
    begun: Instant,
    step: Duration,
}

impl Even {
    /// A call that begins now.
    pub(super) fn begin(step: Duration) -> Self {
        Self { begun: Instant::now(), step }
    }

    /// Gives an answer when the current step is over.
    pub(crate) async fn hold<T>(self, answer: T) -> T {
        let over = self.begun.elapsed().as_nanos() / self.step.as_nanos().max(1);
        let steps = u32::try_from(over).unwrap_or(u32::MAX).saturating_add(1);
        sleep_until(self.begun + self.step.saturating_mul(steps)).await;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_at_a_whole_step_however_long_the_work_took() {
        for (work, answered) in [(0, 50), (1, 50), (49, 50), (50, 100), (51, 100), (149, 150)] {
            let begun = Instant::now();
            let even = Even::begin(Duration::from_millis(50));
            tokio::time::advance(Duration::from_millis(work)).await;
            assert_eq!(even.hold(work).await, work);
            assert_eq!(begun.elapsed(), Duration::from_millis(answered), "{work}");
        }
    }
}
