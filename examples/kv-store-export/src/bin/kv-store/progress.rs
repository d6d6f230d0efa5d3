//! What a terminal shows where something takes long, and nothing where it does not.

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes no longer than that shows nothing.
const UNSEEN: Duration = Duration::from_millis(300);

/// How often what is shown moves, whether or not anything else does.
const TICK: Duration = Duration::from_millis(100);

/// One line on a terminal's error output, gone when it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Dropped to say that it is over.
    over: Option<Sender<()>>,
    waiter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts the wait for something. Say for what with one of the other functions.
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let (over, waits) = mpsc::channel();
        let shown = bar.clone();
        let is_not_over = move |wait| waits.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout);
        let show = move || {
            if is_not_over(UNSEEN) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                while is_not_over(TICK) {
                    shown.tick();
                }
            }
        };
        Self {
            bar,
            over: Some(over),
            // A system that has no thread left for it shows nothing.
            waiter: thread::Builder::new().spawn(show).ok(),
        }
    }

    /// Shows that something runs which has no number of steps.
    pub(crate) fn wait_for(&self, what: &'static str) {
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_message(what);
    }

    /// Shows a bar of `len` steps, of which none is done.
    pub(crate) fn count_to(&self, len: u64, template: &str) {
        self.bar.set_length(len);
        self.bar.set_position(0);
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// Shows that `position` steps are done.
    pub(crate) fn reach(&self, position: u64) {
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(waiter) = self.waiter.take() {
            // It only waits, and draws.
            let _ = waiter.join();
        }
        self.bar.finish_and_clear();
    }
}
