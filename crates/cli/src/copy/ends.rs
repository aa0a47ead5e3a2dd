//! The two stores of a copy.

use super::{
    opening,
    outcome::Copied,
    patience::{Patience, Stopped},
    progress::Progress,
    subject,
};
use crate::settings::Settings;
use anyhow::{Context, Error, Result, anyhow, ensure};
use broker_core::{Clock, NoObserver, Storage, SubjectSummary, SystemTime, Timestamp};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{collections::VecDeque, ops::Bound, sync::Arc};

/// Subjects asked for at once.
const SUBJECTS: usize = 1_000;
/// Subjects under way at once: small ones share the commits of the target.
const UNDER_WAY: usize = 16;

/// Both, owned by this process.
pub struct Ends {
    pub from: Arc<dyn Storage>,
    pub to: Arc<dyn Storage>,
    clock: Clock,
}

/// Opens both. The target begins with the time of the source: what was told to have expired is never
/// shown again.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(from: &Settings, to: &Settings, patience: &Patience) -> Result<Ends> {
    opening::check("from", from)?;
    opening::check("to", to)?;
    ensure!(!opening::is_same(from, to), "--from and --to are the same store");
    let from = opening::open("from", from, patience).await?;
    let to = match opening::open("to", to, patience).await {
        Ok(to) => to,
        Err(error) => {
            from.close().await?;
            return Err(error);
        }
    };
    Ok(Ends::new(from, to))
}

impl Ends {
    /// Two stores that are open.
    pub fn new(from: Arc<dyn Storage>, to: Arc<dyn Storage>) -> Self {
        let kept = from.kept_time().max(to.kept_time());
        let clock = Clock::new(Arc::new(SystemTime), Arc::new(NoObserver), kept);
        Self { from, to, clock }
    }

    /// The time by which messages have expired or not.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Done, with the reason, once another process owns one of them.
    pub async fn lost(&self) -> Error {
        let (side, why) = tokio::select! {
            why = self.from.fenced() => ("from", why),
            why = self.to.fenced() => ("to", why),
        };
        anyhow!("another broker owns the store of --{side} now: {why}")
    }

    /// Lets go of both.
    ///
    /// # Errors
    /// The first that one had.
    pub async fn close(self) -> Result<()> {
        let (to, from) = (self.to.close().await, self.from.close().await);
        to.context("cannot close the store of --to")?;
        from.context("cannot close the store of --from")
    }
}

/// Copies every subject, several at once, and hands each over in the order of the subjects. What is under
/// way when one fails comes to its end.
///
/// # Errors
/// The first that one had.
pub async fn walk(
    ends: &Ends,
    patience: &Patience,
    progress: &Progress,
    mut done: impl FnMut(Copied) -> Result<()>,
) -> Result<()> {
    let kept = ends.from.kept_time();
    patience.ask(|| ends.to.keep_time(kept)).await?;
    let copies = listed(ends, patience)
        .map_ok(|summary| subject::copy(ends, patience, progress, summary))
        .map(|copy| async move { copy?.await })
        .buffered(UNDER_WAY);
    let mut copies = std::pin::pin!(copies);
    let mut failed = Ok(());
    while let Some(copied) = copies.next().await {
        let result = copied.and_then(&mut done);
        if let Err(error) = result {
            patience.stop();
            if failed.is_ok() || failed.as_ref().is_err_and(Error::is::<Stopped>) {
                failed = Err(error);
            }
        }
    }
    failed
}

/// The subjects of the source, page after page.
fn listed(
    ends: &Ends,
    patience: &Patience,
) -> impl futures_util::Stream<Item = Result<SubjectSummary>> {
    let begin = (VecDeque::new(), Some(Bound::Unbounded));
    stream::try_unfold(begin, move |(mut page, mut from)| async move {
        if page.is_empty()
            && let Some(bound) = from.take()
        {
            let list = || ends.from.subjects(bound.as_ref(), SUBJECTS);
            page = VecDeque::from(patience.ask(list).await?);
            // A page that is not full is the last one.
            let last = page.back().filter(|_| page.len() == SUBJECTS);
            from = last.map(|last: &SubjectSummary| Bound::Excluded(last.subject.clone()));
        }
        Ok(page.pop_front().map(|summary| (summary, (page, from))))
    })
}
