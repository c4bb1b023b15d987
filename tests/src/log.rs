//! The log of a world, so that a world can assert at its end that no error was logged.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

/// The log of one world. A test and all tasks of its world run on one thread, so the log of the thread is the log of the world.
pub struct Log {
    lines: Lines,
    _listening: DefaultGuard,
}

type Lines = Arc<Mutex<Vec<(Level, String)>>>;

impl Log {
    /// Collects the log from now on.
    pub fn listen() -> Self {
        let lines = Lines::default();
        // as in production, every call has a trace, whether or not there is a collector
        let tracer = SdkTracerProvider::builder().build().tracer("world");
        let traces = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(LevelFilter::INFO);
        let subscriber = tracing_subscriber::registry().with(traces).with(Listener(lines.clone()));
        Self { lines, _listening: tracing::subscriber::set_default(subscriber) }
    }

    /// Removes and returns the error lines.
    pub fn take_errors(&self) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extract_if(.., |(level, _)| *level == Level::ERROR).map(|(_, line)| line).collect()
    }

    /// Everything that an operator could read and that contains these words: lines of the log, and fields of spans.
    pub fn find(&self, words: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|(_, line)| line.contains(words)).map(|(_, line)| line.clone()).collect()
    }
}

struct Listener(Lines);

impl Listener {
    fn keep(&self, level: Level, line: Line) {
        // finer levels are not logged in production
        if level <= Level::INFO {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((level, line.0));
        }
    }
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(format!("{}:", event.metadata().target()));
        event.record(&mut line);
        self.keep(*event.metadata().level(), line);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut line = Line(format!("{} span:", attributes.metadata().target()));
        attributes.record(&mut line);
        self.keep(*attributes.metadata().level(), line);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut line = Line("recorded:".to_owned());
        values.record(&mut line);
        self.keep(Level::INFO, line);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // writing to a string cannot fail
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
