//! Calls that nobody has to wait for.

use tokio::runtime::Handle;

/// Starts work that goes on when nobody waits for its answer. `None`: the runtime ended before it.
pub fn detached<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Option<T>> + Send + 'static {
    let task = runtime.spawn(work);
    async move {
        match task.await {
            Ok(answer) => Some(answer),
            Err(cut) => match cut.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }
}
