//! Whether a new connection has said what it speaks. Before that nothing else looks after it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The length of HTTP/2's preface, in bytes. An HTTP/1 request is not shorter, and has a time limit
/// of its own once it has begun.
const PREFACE: usize = 24;

/// Bytes that were heard, as far as they matter.
#[derive(Debug, Clone, Default)]
pub struct Greeting(Arc<AtomicUsize>);

impl Greeting {
    pub fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= PREFACE
    }

    pub fn listen_on(&self, stream: TcpStream) -> Heard {
        Heard { stream, greeting: Some(self.clone()) }
    }
}

/// A stream that is listened to until it has greeted.
pub struct Heard {
    stream: TcpStream,
    greeting: Option<Greeting>,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(greeting) = &self.greeting {
            greeting.0.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
            if greeting.is_complete() {
                self.greeting = None;
            }
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
