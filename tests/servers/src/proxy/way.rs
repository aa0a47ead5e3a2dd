//! One direction of one connection.

use super::rules::{Direction, End, Flow, Rules};
use std::{future::pending, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

/// Bytes of one read at most.
const CHUNK: usize = 16 * 1024;

/// Reads that wait in the proxy at most: 4 MiB.
const CHUNKS: usize = 256;

/// What was read, and when; no bytes are the end.
struct Chunk {
    bytes: Vec<u8>,
    read: Instant,
}

/// The connection is to be cut.
pub(super) struct Cut;

/// Passes bytes on until they end.
pub(super) async fn carry(
    direction: Direction,
    generation: u64,
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    rules: &Arc<watch::Sender<Rules>>,
) -> Result<(), Cut> {
    let (chunks, read) = mpsc::channel(CHUNKS);
    let mut way =
        Way { direction, generation, arrived: 0, rules: rules.clone(), told: rules.subscribe() };
    let (_, end) = tokio::join!(take(direction, from, chunks, rules), way.give(read, to));
    end
}

/// Reads until there is no more, or nobody wants it.
async fn take(
    direction: Direction,
    mut from: OwnedReadHalf,
    chunks: mpsc::Sender<Chunk>,
    rules: &watch::Sender<Rules>,
) {
    loop {
        let mut bytes = vec![0; CHUNK];
        // A connection that broke ends like one that was closed: what it sent before arrives.
        let count = from.read(&mut bytes).await.unwrap_or_default();
        bytes.truncate(count);
        rules.send_modify(|rules| rules.way(direction).waiting += count as u64);
        if chunks.send(Chunk { bytes, read: Instant::now() }).await.is_err() || count == 0 {
            return;
        }
    }
}

struct Way {
    direction: Direction,
    generation: u64,
    /// Bytes that arrived.
    arrived: u64,
    rules: Arc<watch::Sender<Rules>>,
    told: watch::Receiver<Rules>,
}

impl Way {
    /// Hands on what is read, as the rules say.
    async fn give(
        &mut self,
        mut read: mpsc::Receiver<Chunk>,
        mut to: OwnedWriteHalf,
    ) -> Result<(), Cut> {
        // Somebody who is gone takes no more; the rest is read all the same, and the other way goes on.
        let mut is_open = true;
        while let Some(chunk) = read.recv().await {
            sleep_until(chunk.read + self.rule().delay).await;
            let is_swallowed = self.until_not_held().await == Flow::Swallowed;
            self.change(|way| way.waiting -= chunk.bytes.len() as u64);
            if chunk.bytes.is_empty() {
                // The end is swallowed, too: it must be noticed by nobody.
                if is_swallowed {
                    return pending().await;
                }
                // The other side may be gone already.
                let _ = to.shutdown().await;
                return Ok(());
            }
            if !is_swallowed && is_open {
                is_open = self.write(&chunk.bytes, &mut to).await?;
            }
        }
        Ok(())
    }

    /// Writes as much as may arrive; whether the other side still takes it.
    async fn write(&mut self, mut bytes: &[u8], to: &mut OwnedWriteHalf) -> Result<bool, Cut> {
        while !bytes.is_empty() {
            let rate = self.rule().rate;
            // A fiftieth of a second at once.
            let at_once = rate.map_or(bytes.len(), |rate| (rate as usize / 50).max(1));
            let piece = &bytes[..at_once.min(bytes.len())];
            let (admitted, end) = self.admit(piece.len());
            bytes = &bytes[admitted..];
            if to.write_all(&piece[..admitted]).await.is_err() {
                return Ok(false);
            }
            match end {
                End::None => {}
                End::OfThis => return Err(Cut),
                End::OfAll => {
                    self.rules.send_modify(|rules| rules.generation += 1);
                    return Err(Cut);
                }
            }
            if let Some(rate) = rate {
                sleep(Duration::from_secs_f64(admitted as f64 / rate as f64)).await;
            }
        }
        Ok(true)
    }

    fn admit(&mut self, bytes: usize) -> (usize, End) {
        let (mut admitted, mut end) = (0, End::None);
        self.rules.send_modify(|rules| {
            (admitted, end) =
                rules.admit(self.generation, self.direction, self.arrived, bytes as u64);
        });
        self.arrived += admitted;
        (admitted as usize, end)
    }

    async fn until_not_held(&mut self) -> Flow {
        let at = self.direction as usize;
        // The sender is here: it does not end.
        let _ = self.told.wait_for(|rules| rules.ways[at].flow != Flow::Held).await;
        self.rule().flow
    }

    fn rule(&self) -> super::rules::Way {
        self.rules.borrow().ways[self.direction as usize]
    }

    fn change(&self, change: impl FnOnce(&mut super::rules::Way)) {
        self.rules.send_modify(|rules| change(rules.way(self.direction)));
    }
}
