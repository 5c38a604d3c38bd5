//! Many WebSockets, read by one thread: which message reached how many of them, and the last when.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

/// Where a message says on which channel it is, and its number there.
const HEAD: usize = 200;

/// A socket that listens to a channel of a project.
pub struct Socket {
    stream: TcpStream,
    /// What came and is no whole frame yet.
    unread: Vec<u8>,
    /// The number of the last message it heard.
    seq: u64,
}

/// A message of the channel.
#[derive(Clone)]
pub struct Message {
    pub seq: u64,
    /// What it tells of.
    pub id: String,
    /// Sockets that heard it.
    pub heard: usize,
    /// When the last of them did.
    pub last: Instant,
}

/// Sockets that are being read.
pub struct Crowd {
    pub size: usize,
    ledger: Arc<Mutex<Ledger>>,
    over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Ledger {
    messages: Vec<Message>,
    failure: Option<String>,
}

struct Frame<'a> {
    opcode: u8,
    payload: &'a [u8],
    /// Bytes of all of it.
    length: usize,
}

impl Socket {
    /// Opens it and waits until it listens to the channel.
    pub fn open(port: u16, token: &str, channel: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "GET /api/v1/ws?token={token} HTTP/1.1\r\nHost: api.hivesync.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCF-Connecting-IP: 203.0.113.7\r\n\r\n"
        )?;
        let mut socket = Socket { stream, unread: Vec::new(), seq: 0 };
        let head = loop {
            if let Some(at) = socket.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            socket.read()?;
        };
        let answer: Vec<u8> = socket.unread.drain(..head).collect();
        ensure!(answer.starts_with(b"HTTP/1.1 101"), "no socket: {}", String::from_utf8_lossy(&answer));
        socket.wait_for("user:")?;
        socket.say(&format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#))?;
        socket.seq = socket.wait_for(channel)?;
        Ok(socket)
    }

    /// As a client must: masked, here by nothing.
    fn say(&mut self, text: &str) -> Result<()> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).context("a long message")?;
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat();
        Ok(self.stream.write_all(&frame)?)
    }

    /// The number of the channel's latest message when this socket began to listen to it.
    fn wait_for(&mut self, channel: &str) -> Result<u64> {
        loop {
            while let Some(Frame { payload, length, .. }) = frame(&self.unread)? {
                let text = String::from_utf8_lossy(payload).into_owned();
                self.unread.drain(..length);
                if text.contains(r#""type":"subscribed""#) && text.contains(&format!(r#""channel":"{channel}"#)) {
                    return number(&text).with_context(|| format!("no number in {text}"));
                }
                ensure!(!text.contains(r#""type":"error""#), "{text}");
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk)? {
            0 => bail!("the socket was closed"),
            read => self.unread.extend_from_slice(&chunk[..read]),
        }
        Ok(())
    }

    /// Takes in what came: each message of a project's channel once, and in order.
    fn hear(&mut self, buffer: &mut [u8], ledger: &mut Ledger) -> Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("a socket was closed after message {}", self.seq),
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            let now = Instant::now();
            let mut done = 0;
            while let Some(Frame { opcode, payload, length }) = frame(&self.unread[done..])? {
                done += length;
                ensure!(opcode == 1, "a socket was closed: {}", String::from_utf8_lossy(payload));
                let head = String::from_utf8_lossy(&payload[..payload.len().min(HEAD)]);
                let Some(seq) = number(&head).filter(|_| head.contains(r#""channel":"project:"#)) else { continue };
                ensure!(seq == self.seq + 1, "a socket heard {seq} after {}", self.seq);
                self.seq = seq;
                ledger.note(seq, payload, now)?;
            }
            self.unread.drain(..done);
        }
    }
}

impl Ledger {
    fn note(&mut self, seq: u64, payload: &[u8], now: Instant) -> Result<()> {
        let first = self.messages.first().map_or(seq, |message| message.seq);
        let at = usize::try_from(seq - first)?;
        if at == self.messages.len() {
            let text = std::str::from_utf8(payload)?;
            let (_, rest) = text.split_once(r#""id":""#).with_context(|| format!("no id in {text}"))?;
            let id = rest.split('"').next().unwrap_or_default().to_owned();
            self.messages.push(Message { seq, id, heard: 0, last: now });
        }
        let message = self.messages.get_mut(at).context("a message out of order")?;
        message.heard += 1;
        message.last = now;
        Ok(())
    }
}

impl Crowd {
    pub fn read(sockets: Vec<Socket>) -> Result<Self> {
        let (ledger, over) = (Arc::<Mutex<Ledger>>::default(), Arc::<AtomicBool>::default());
        let size = sockets.len();
        let (for_ledger, for_over) = (ledger.clone(), over.clone());
        let poll = Poll::new()?;
        let reader = std::thread::spawn(move || {
            if let Err(error) = read_all(sockets, poll, &for_ledger, &for_over) {
                lock(&for_ledger).failure = Some(format!("{error:#}"));
            }
        });
        Ok(Crowd { size, ledger, over, reader: Some(reader) })
    }

    /// Waits until so many messages reached every socket; answers with them, the next time with those after them.
    pub fn take(&self, count: usize, patience: Duration) -> Result<Vec<Message>> {
        let started = Instant::now();
        loop {
            let mut ledger = lock(&self.ledger);
            if let Some(failure) = &ledger.failure {
                bail!("{failure}");
            }
            let complete = ledger.messages.iter().take_while(|message| message.heard == self.size).count();
            if complete >= count {
                ensure!(ledger.messages.len() == count, "more messages were heard than sent");
                return Ok(std::mem::take(&mut ledger.messages));
            }
            ensure!(started.elapsed() < patience, "{complete} of {count} messages reached all {} sockets", self.size);
            drop(ledger);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn read_all(mut sockets: Vec<Socket>, mut poll: Poll, ledger: &Mutex<Ledger>, over: &AtomicBool) -> Result<()> {
    for (at, socket) in sockets.iter_mut().enumerate() {
        socket.stream.set_nonblocking(true)?;
        let fd = socket.stream.as_raw_fd();
        poll.registry().register(&mut SourceFd(&fd), Token(at), Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    while !over.load(Ordering::Relaxed) {
        if let Err(error) = poll.poll(&mut events, Some(Duration::from_millis(100)))
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        let mut ledger = lock(ledger);
        for event in &events {
            let socket = sockets.get_mut(event.token().0).context("an unknown socket")?;
            socket.hear(&mut buffer, &mut ledger)?;
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first frame, if all of it is there. A server masks nothing, and ours never splits a message.
fn frame(bytes: &[u8]) -> Result<Option<Frame<'_>>> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    ensure!(first & 0xf0 == 0x80 && second & 0x80 == 0, "a frame that begins with {first:#x} {second:#x}");
    let (start, length) = match second {
        126 => match bytes.get(2..4).and_then(|two| two.try_into().ok()) {
            Some(two) => (4, usize::from(u16::from_be_bytes(two))),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|eight| eight.try_into().ok()) {
            Some(eight) => (10, usize::try_from(u64::from_be_bytes(eight))?),
            None => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    Ok(bytes.get(start..start + length).map(|payload| Frame { opcode: first & 0xf, payload, length: start + length }))
}

fn number(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(r#""seq":"#)?;
    rest.split(|end: char| !end.is_ascii_digit()).next()?.parse().ok()
}
