//! Stories of who may know what the system knows: the audit log, for those who keep it and those who check it; and what is known of a
//! person, for the person.

mod audit;
mod erasure;
mod export;
mod places;
