//! Readers that are slow, gone or never there.

use super::*;
use crate::serve::log::tests::log_to;
use std::sync::mpsc::{Receiver, Sender, channel};

const PATIENCE: Duration = Duration::from_secs(30);

/// A reader that takes a piece when it is told to.
struct Slow {
    go: Receiver<()>,
    taken: Sender<Vec<u8>>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.taken.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow() -> (Arc<Queue>, Sender<()>, Receiver<Vec<u8>>) {
    let ((go, going), (taken, takes)) = (channel(), channel());
    let queue = Queue::start(Slow { go: going, taken }, Arc::default()).unwrap();
    (queue, go, takes)
}

/// A line of that many bytes.
fn line(length: usize) -> Vec<u8> {
    let mut line = vec![b'x'; length - 1];
    line.push(b'\n');
    line
}

/// Waits until the writer holds what was pushed first.
fn wait_until_taken(queue: &Queue) {
    let deadline = Instant::now() + PATIENCE;
    while !queue.lock().waiting.is_empty() {
        assert!(Instant::now() < deadline, "nobody took the first line");
        thread::yield_now();
    }
}

#[test]
fn lines_come_out_whole_and_in_order() {
    let (queue, go, takes) = slow();
    for number in 0..100 {
        queue.push(format!("{number}\n").as_bytes(), ROOM);
    }
    drop((0..200).map(|_| go.send(())).collect::<Vec<_>>());
    assert!(queue.flush(PATIENCE));
    let written: Vec<u8> = takes.try_iter().flatten().collect();
    let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn without_a_reader_nobody_waits_and_memory_is_bounded() {
    let (queue, _go, _takes) = slow();
    queue.push(&line(10), ROOM);
    wait_until_taken(&queue);
    for _ in 0..ROOM / 1024 + 500 {
        queue.push(&line(1024), ROOM);
    }
    assert_eq!(queue.lock().waiting.len(), ROOM);
    assert_eq!((queue.lock().untold, queue.counts.dropped()), (500, 500));
    // An error has room left, and that is bounded, too.
    for _ in 0..RESERVE / 1024 + 1 {
        queue.push_urgent(&line(1024));
    }
    assert_eq!(queue.lock().waiting.len(), ROOM + RESERVE);
    assert_eq!(queue.counts.dropped(), 501);
    assert!(!queue.flush(Duration::ZERO));
}

#[test]
fn a_reader_that_goes_is_lost_lines_and_no_end() {
    let (queue, go, takes) = slow();
    drop(takes);
    queue.push(b"one\ntwo\n", ROOM);
    go.send(()).unwrap();
    assert!(queue.flush(PATIENCE));
    assert_eq!(queue.counts.dropped(), 2);
    queue.push(b"three\n", ROOM);
    drop(go);
    assert!(queue.flush(PATIENCE));
    assert_eq!(queue.counts.dropped(), 3);
}

#[test]
fn what_was_dropped_is_told_once_when_the_log_goes_on() {
    let (queue, go, takes) = slow();
    // The writer's own thread logs by the subscriber of the process, which a test leaves alone: what it
    // takes is looked at instead.
    let (lines, mut taken) = (queue.clone(), Vec::new());
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Entrance(queue.clone()));
    log_to(layer, || {
        tracing::info!("first");
        wait_until_taken(&lines);
        let long = "y".repeat(ROOM);
        tracing::info!("{long}");
        tracing::info!("small");
        tracing::warn!("{}", &long[..ROOM / 2]);
    });
    assert_eq!(queue.counts.lines()[1..3], [("warn", 1), ("info", 3)]);
    assert_eq!((queue.counts.dropped(), queue.lock().untold), (1, 1));
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(queue.flush(PATIENCE));
    takes.try_iter().for_each(|piece| taken.extend(piece));
    let text = String::from_utf8(taken).unwrap();
    assert!(text.contains("first") && text.contains("small"), "{}", text.len());
    assert_eq!(queue.lock().untold, 0);
}
