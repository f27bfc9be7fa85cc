//! Connections that can be cut. Every accepted connection carries a switch; a handler that has turned it makes the
//! connection send exact bytes of its own choice in place of the proper answer and then end. That is how answers get
//! lost, truncated, endless or untrue about their length, which no well-behaved HTTP library would send.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What a connection sends before it ends, in place of the proper answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawReply {
    /// Sent as it stands; may be empty.
    pub bytes: Vec<u8>,
    /// Blanks sent after `bytes`.
    pub filler: usize,
    /// End with a reset instead of an orderly close.
    pub reset: bool,
}

/// Turned by a handler to take over its connection.
#[derive(Clone, Debug, Default)]
pub struct Switch(Arc<Mutex<Option<RawReply>>>);

impl Switch {
    /// From now on the connection sends `reply` and ends.
    pub fn turn(&self, reply: RawReply) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
    }

    fn take(&self) -> Option<RawReply> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Connected<IncomingStream<'_, SwitchListener>> for Switch {
    fn connect_info(stream: IncomingStream<'_, SwitchListener>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A listener whose connections carry a [`Switch`], handed on as their address.
#[derive(Debug)]
pub struct SwitchListener(pub TcpListener);

impl Listener for SwitchListener {
    type Io = SwitchedStream;
    type Addr = Switch;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // axum's own listener waits and tries again after an error; its implementation does that for us.
        let (stream, _) = Listener::accept(&mut self.0).await;
        let switch = Switch::default();
        (
            SwitchedStream {
                stream,
                switch: switch.clone(),
                reply: None,
            },
            switch,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Switch::default())
    }
}

/// A connection that obeys its switch.
#[derive(Debug)]
pub struct SwitchedStream {
    stream: TcpStream,
    switch: Switch,
    reply: Option<RawReply>,
}

impl AsyncRead for SwitchedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for SwitchedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(reply) = this.switch.take() {
            this.reply = Some(reply);
        }
        let Some(reply) = &mut this.reply else {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        };
        loop {
            while !reply.bytes.is_empty() {
                let sent = ready!(Pin::new(&mut this.stream).poll_write(context, &reply.bytes))?;
                reply.bytes.drain(..sent);
            }
            if reply.filler == 0 {
                break;
            }
            let next = reply.filler.min(64 * 1024);
            reply.filler -= next;
            reply.bytes = vec![b' '; next];
        }
        if reply.reset {
            // Without lingering the close becomes a reset; should that fail, an orderly close cuts as well.
            let _ = this.stream.set_zero_linger();
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
