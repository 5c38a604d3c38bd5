//! Many requests over a few kept-alive connections, each answer checked and timed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What an edge adds and a browser sends; a Worker that looks at headers pays for them.
const HEADERS: &str = "Host: api.hivesync.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, br\r\nCF-Connecting-IP: 203.0.113.7\r\nCF-IPCountry: DE\r\nCF-Ray: 9a1b2c3d4e5f6789-FRA\r\nCF-Visitor: {\"scheme\":\"https\"}\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 203.0.113.7\r\n";

/// A whole request as it goes over the wire.
pub fn request(method: &str, path: &str, token: &str, json: &str) -> Vec<u8> {
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    request_with(method, path, &authorization, json)
}

/// Like `request`; each line of `headers` ends with CR and LF.
pub fn request_with(method: &str, path: &str, headers: &str, json: &str) -> Vec<u8> {
    match json {
        "" => format!("{method} {path} HTTP/1.1\r\n{HEADERS}{headers}\r\n").into_bytes(),
        json => request_of(method, path, headers, "application/json", json.as_bytes()),
    }
}

pub fn request_of(method: &str, path: &str, headers: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{HEADERS}{headers}Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The first string of this name in the JSON body.
    pub fn text(&self, name: &str) -> Result<&str> {
        let found = self.body.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split('"').next());
        found.with_context(|| format!("{} without {name}: {}", self.status, self.body))
    }

    /// The first whole number of this name there.
    pub fn number(&self, name: &str) -> Option<u64> {
        let (_, rest) = self.body.split_once(&format!("\"{name}\":"))?;
        rest.split(|end: char| !end.is_ascii_digit()).next()?.parse().ok()
    }
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Connection { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    pub fn call(&mut self, request: &[u8]) -> Result<Answer> {
        let (status, head, end) = self.exchange(request)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer { status, head: text(&self.buffer[..head]), body: text(&self.buffer[head..end]) })
    }

    /// The status, and where in the buffer the head and the body end.
    fn exchange(&mut self, request: &[u8]) -> Result<(u16, usize, usize)> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let head = loop {
            let seen = self.buffer.len().saturating_sub(3);
            self.fill()?;
            if let Some(at) = self.buffer[seen..].windows(4).position(|four| four == b"\r\n\r\n") {
                break seen + at + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).context("headers that are no text")?;
        let status = text.get(9..12).and_then(|code| code.parse().ok()).context("an answer without a status")?;
        let length = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .or((status == 204).then_some(0))
            .context("an answer without Content-Length")?;
        while self.buffer.len() < head + length {
            self.fill()?;
        }
        Ok((status, head, head + length))
    }

    fn fill(&mut self) -> Result<()> {
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk)? {
            0 => bail!("the connection was closed"),
            read => self.buffer.extend_from_slice(&chunk[..read]),
        }
        Ok(())
    }
}

/// How a round of requests went.
pub struct Round {
    pub seconds: f64,
    /// Milliseconds, sorted.
    pub latencies: Vec<f64>,
}

/// Sends `total` requests over so many connections; any answer but 2xx is a failure. `request` gets the number of the
/// connection and that of the request.
pub fn run<'a>(
    port: u16,
    connections: usize,
    total: usize,
    request: impl Fn(usize, usize) -> &'a [u8] + Sync,
) -> Result<Round> {
    let claimed = AtomicUsize::new(0);
    let one = |which: usize| -> Result<Vec<f64>> {
        let mut connection = Connection::open(port)?;
        let mut latencies = Vec::with_capacity(total);
        loop {
            let number = claimed.fetch_add(1, Ordering::Relaxed);
            if number >= total {
                break;
            }
            let request = request(which, number);
            let sent = Instant::now();
            let (status, head, end) = connection.exchange(request)?;
            latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
            if !(200..300).contains(&status) {
                bail!("an answer was {status}: {}", String::from_utf8_lossy(&connection.buffer[head..end]));
            }
        }
        Ok(latencies)
    };
    let started = Instant::now();
    let all: Result<Vec<Vec<f64>>> = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..connections).map(|which| scope.spawn(move || one(which))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a load thread panicked"))).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut latencies = all?.concat();
    latencies.sort_by(f64::total_cmp);
    Ok(Round { seconds, latencies })
}
