//! How two classes of two countries come together in a programme: offers, projects, pairs, what binds a class at home, and who abroad has
//! seen what of a class. It may know the plan of the year and the work of a class. It may not know what the classes of a pair make
//! together.

pub mod engagement;
pub mod offer;
pub mod pair;
pub mod project;
pub mod side;
pub mod sighting;
