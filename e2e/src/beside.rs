//! Work that goes on beside a test, until it is told to end.

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Such work, of which a `T` comes. It is told to end when this is dropped, too.
pub struct Beside<T> {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<T>>,
}

impl<T: Send + 'static> Beside<T> {
    /// Starts the work that `begin` makes of a receiver, which hears when it is to end.
    pub fn start<W>(begin: impl FnOnce(oneshot::Receiver<()>) -> W) -> Self
    where
        W: Future<Output = anyhow::Result<T>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(begin(stopped));
        Self { stop, task }
    }

    /// Ends it.
    ///
    /// # Errors
    /// The work's own.
    pub async fn end(self) -> anyhow::Result<T> {
        // Its receiver is gone where the work failed, and that is told below.
        let _ = self.stop.send(());
        self.task.await.context("what went on beside panicked")?
    }
}
