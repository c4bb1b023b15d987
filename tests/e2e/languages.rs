//! Who calls is spoken to in a language of their own.

mod catalogues;
