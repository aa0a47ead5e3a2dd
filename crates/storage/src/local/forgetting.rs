//! Forgetting purges: a purge of which no segment holds anything any more costs nothing further.

use super::{catalog::View, upkeep::Upkeep};
use broker_core::Subject;
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
};

/// Purges looked at in one call of reclaim, so that it stays bounded.
const AT_ONCE: usize = 256;

/// What the upkeep knows of the purges.
#[derive(Default)]
pub struct Forgetting {
    /// The purges whose segments were looked for.
    seen: HashMap<Subject, u64>,
    /// How many had been added when that was done.
    added: u64,
    /// To be looked at, whether anything of them is left.
    queue: VecDeque<(Subject, u64)>,
    /// A segment was sealed or went, or a purge came, since the queue was filled.
    pub is_due: bool,
    /// A file could not be removed and may come back with the next start: nothing is forgotten until then.
    pub is_blocked: bool,
}

impl Upkeep {
    /// Marks the segments that hold what was purged since the last look.
    pub(super) fn mark_purged(&mut self, view: &View) -> io::Result<()> {
        let added = view.purges.added();
        if self.forgetting.added == added {
            return Ok(());
        }
        let all = view.purges.all();
        for (subject, up_to) in &all {
            if self.forgetting.seen.get(subject) != Some(up_to) {
                self.each_span(view, subject, *up_to, |upkeep, segment| {
                    upkeep.to_recount.insert(segment);
                    true
                })?;
            }
        }
        self.forgetting.seen = all;
        self.forgetting.added = added;
        self.forgetting.is_due = true;
        Ok(())
    }

    /// Forgets some of the purges of which nothing is left.
    pub(super) fn forget_purges(&mut self) -> io::Result<()> {
        if self.forgetting.is_blocked {
            return Ok(());
        }
        let view = self.catalog.view();
        if self.forgetting.queue.is_empty() && std::mem::take(&mut self.forgetting.is_due) {
            self.forgetting.queue.extend(view.purges.all());
        }
        let mut gone = Vec::new();
        for _ in 0..AT_ONCE {
            let Some((subject, up_to)) = self.forgetting.queue.pop_front() else { break };
            if self.is_settled(&view, &subject, up_to)? {
                self.forgetting.seen.remove(&subject);
                gone.push((subject, up_to));
            }
        }
        if !gone.is_empty() {
            self.catalog.change(|view| view.purges = Arc::new(view.purges.without(&gone)));
        }
        Ok(())
    }

    /// Whether no segment holds what was purged, and the subject's last id is known without it. Then it
    /// stays so: later messages have higher ids.
    fn is_settled(&mut self, view: &View, subject: &Subject, up_to: u64) -> io::Result<bool> {
        for segment in view.unsealed() {
            let index = segment.index.read();
            if index.entries(subject).first().is_some_and(|entry| entry.id <= up_to) {
                return Ok(false);
            }
        }
        let mut is_held = false;
        self.each_span(view, subject, up_to, |_, segment| {
            is_held = view.sealed.contains_key(&segment);
            !is_held
        })?;
        Ok(!is_held && view.last_id(&self.catalog.files, subject)? >= up_to)
    }

    /// The listed segments with messages of a subject up to an id, as long as `go_on` says so.
    fn each_span(
        &mut self,
        view: &View,
        subject: &Subject,
        up_to: u64,
        mut go_on: impl FnMut(&mut Self, u64) -> bool,
    ) -> io::Result<()> {
        let (mut after, name) = (0, subject.as_bytes());
        loop {
            let (spans, complete) = view.directory.above(&self.catalog.files, name, after, 256)?;
            for span in spans.iter().filter(|span| span.first <= up_to) {
                if !go_on(self, span.segment) {
                    return Ok(());
                }
            }
            if complete >= up_to {
                return Ok(());
            }
            after = complete;
        }
    }
}
