//! How a store is being opened, for the log and for who calls meanwhile.

use super::{announcement::Announcement, logger::Logger};
use broker_server::Opening;
use broker_storage::OpenObserver;
use std::sync::Arc;
use tracing::info;

/// Says what a store does while it is being opened.
pub struct Progress {
    logger: Arc<Logger>,
    opening: Opening,
    announcement: Arc<Announcement>,
}

impl Progress {
    pub fn new(logger: Arc<Logger>, opening: Opening, announcement: Arc<Announcement>) -> Self {
        Self { logger, opening, announcement }
    }
}

impl OpenObserver for Progress {
    fn reached(&self, step: &str) {
        info!("{step}");
    }

    fn found(&self, sentence: &str) {
        info!("{sentence}");
    }

    fn away(&self, why: &str) {
        self.logger.database_away(why);
        self.opening.away(why);
        self.announcement.say();
    }

    fn standing_by(&self, owner: &str) {
        info!(owner, "standing by: another broker owns the store ({owner})");
        self.opening.standing_by(owner);
        self.announcement.say();
    }
}
