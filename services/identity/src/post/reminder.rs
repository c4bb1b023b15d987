//! Why a pair of a programme waits for a class or for a central team. Who is reminded, and their addresses, is decided in their
//! country; the programme is not told.

mod wire;

/// Why a pair waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The pair was proposed; a class has to accept.
    Proposed,
    /// Both classes have accepted; a country has to approve.
    Accepted,
    /// Both countries have approved; the project has to be agreed.
    Approved,
    /// The project is agreed; the work has to begin.
    ProjectAgreed,
    /// One class has left.
    OneSided,
    /// The pair is suspended.
    Suspended,
    /// Both have delivered their reports; the joint output of the last lesson has to be signed.
    Unsigned,
    /// Everything is delivered; the pair has to be completed.
    Delivered,
}
