//! Steps with their times, on stderr.

use std::time::Instant;

/// Says each step and how long it took.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

#[allow(clippy::print_stderr, reason = "progress is for the person who waits")]
impl Progress {
    /// Runs one step.
    pub(super) async fn run<T>(
        &self,
        step: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        eprint!("{step} … ");
        let done = work.await;
        match &done {
            Ok(_) => eprintln!("{:.1} s", begun.elapsed().as_secs_f64()),
            Err(_) => eprintln!("failed after {:.1} s", begun.elapsed().as_secs_f64()),
        }
        done.map_err(|error| error.context(format!("step \"{step}\"")))
    }

    /// The last line.
    pub(super) fn finish(&self, image: &str) {
        eprintln!(
            "{image} is running; {:.1} s in all. Next: kubectl apply an MCPServer",
            self.started.elapsed().as_secs_f64()
        );
    }
}
