//! Reminders of programmes: a pair waits for a class or the central team of this country. Who of them it is, and where they are
//! reached, is known here alone; the programme is not told.

mod wire;

/// What a pair waits at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Two classes were proposed to each other.
    Proposed,
    /// Both have accepted; their countries have not approved.
    Accepted,
    /// Their countries have approved; the project is not agreed.
    Approved,
    /// The project is agreed; the work has not begun.
    ProjectAgreed,
    /// One class has left.
    OneSided,
    /// The work rests.
    Suspended,
    /// Both have delivered their reports; the joint output of the last lesson is not signed.
    Unsigned,
    /// All is delivered; nobody has completed the pair.
    Delivered,
}
