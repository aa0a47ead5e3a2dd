//! Pieces of work that are under way at once.

use super::failure::Failure;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Does all of them, so many at once, until one fails; answers what they gave, in their order.
pub async fn all<F, T>(at_once: usize, work: impl IntoIterator<Item = F>) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let work: Vec<F> = work.into_iter().collect();
    stream::iter(work).buffered(at_once).try_collect().await
}

/// Does all of them, so many at once, whether or not some fail; answers what they gave, in any order.
pub async fn each<F: Future>(at_once: usize, work: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let work: Vec<F> = work.into_iter().collect();
    stream::iter(work).buffer_unordered(at_once).collect().await
}
