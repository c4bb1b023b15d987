//! Stories of who may know what the system knows: the audit log, for those who keep it and those who check it.

mod audit;
