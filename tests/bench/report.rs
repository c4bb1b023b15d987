//! What is printed: a line for each figure, as a ratio with its two sides.

use std::{thread::available_parallelism, time::Duration};

/// The title, and the columns.
pub fn head() {
    let cores = available_parallelism().map_or(0, usize::from);
    println!("{cores} cores. Every line: what, ratio, ours / theirs, what is aimed at.\n");
}

/// One figure of ours against one of theirs, both in the same unit.
pub fn ratio(what: &str, unit: &str, (ours, of_ours): (f64, &str), (theirs, of_theirs): (f64, &str)) {
    println!(
        "{what:<44} {:>6.2}   {} {unit} {of_ours} / {} {unit} {of_theirs}",
        ours / theirs,
        short(ours),
        short(theirs)
    );
}

/// One figure against what is aimed at.
pub fn aim(what: &str, unit: &str, ours: f64, aim: f64) {
    let verdict = if ours <= aim { "reached" } else { "missed" };
    println!("{what:<44} {:>6.2}   {} {unit} / {} {unit} aimed at: {verdict}", ours / aim, short(ours), short(aim));
}

/// A figure that stands for itself.
pub fn note(what: &str, text: &str) {
    println!("{what:<44}          {text}");
}

/// The one in the middle: a disturbance on the machine moves it less than the mean.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.3}").chars().take(5).collect() }
}

/// How long things took, the shortest first.
pub struct Sorted(Vec<Duration>);

impl Sorted {
    /// Of so many things.
    pub fn new(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self(took)
    }

    /// Milliseconds that so many of a hundred did not take longer than.
    pub fn at(&self, of_hundred: usize) -> f64 {
        self.0[(self.0.len() * of_hundred / 100).min(self.0.len() - 1)].as_secs_f64() * 1e3
    }
}
