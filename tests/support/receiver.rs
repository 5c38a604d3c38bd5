//! Somebody's server that webhooks are sent to: it answers as it is told, and keeps what came.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    answer: Answer,
    received: Vec<Received>,
    open: usize,
    most_open: usize,
}

#[derive(Clone)]
pub enum Answer {
    Status(u16),
    /// A status, a header and a body.
    With(u16, &'static str, String),
    /// After so long.
    Slow(Duration),
    /// After so long, a status and a header.
    Late(Duration, u16, &'static str),
    /// The one to what comes first, the other to what comes after it.
    Once(Box<Answer>, Box<Answer>),
    /// Takes what comes and says nothing.
    Silent,
    /// 200, and a body that has no end.
    Endless,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub at: Instant,
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Receiver {
    pub async fn start(answer: Answer) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state = State { answer, received: Vec::new(), open: 0, most_open: 0 };
        let receiver = Receiver { url, state: Arc::new(Mutex::new(state)) };
        let served = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                tokio::spawn(async move { served.serve(stream).await });
            }
        });
        receiver
    }

    pub async fn good() -> Receiver {
        Receiver::start(Answer::Status(204)).await
    }

    /// An address where nobody is.
    pub async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    }

    pub fn answer(&self, answer: Answer) {
        self.state.lock().unwrap().answer = answer;
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub fn most_open(&self) -> usize {
        self.state.lock().unwrap().most_open
    }

    /// The first so many deliveries, as soon as they are there.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.received().len() < count {
            let came: Vec<_> = self.received().into_iter().map(|received| received.body).collect();
            assert!(Instant::now() < deadline, "{count} deliveries within 20 s, not {came:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.received()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        while let Some(received) = read(&mut stream).await {
            let answer = {
                let mut state = self.state.lock().unwrap();
                state.received.push(received);
                state.open += 1;
                state.most_open = state.most_open.max(state.open);
                match state.answer.clone() {
                    Answer::Once(first, rest) => {
                        state.answer = *rest;
                        *first
                    }
                    answer => answer,
                }
            };
            let answered = reply(stream.get_mut(), answer).await;
            self.state.lock().unwrap().open -= 1;
            answered?;
        }
        None
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).await.ok()? {
            0 => return None,
            _ if line.trim().is_empty() => break,
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.iter().filter_map(header).collect();
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { at: Instant::now(), path, headers, body: String::from_utf8(body).ok()? })
}

/// `None` where the connection is of no more use.
async fn reply(stream: &mut TcpStream, answer: Answer) -> Option<()> {
    let (status, header, body) = match answer {
        Answer::Status(status) => (status, "x-nothing: 0", String::new()),
        Answer::With(status, header, body) => (status, header, body),
        Answer::Slow(time) => {
            tokio::time::sleep(time).await;
            (200, "x-nothing: 0", String::new())
        }
        Answer::Late(time, status, header) => {
            tokio::time::sleep(time).await;
            (status, header, String::new())
        }
        Answer::Once(..) => return None,
        Answer::Silent => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return None;
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(b"400\r\n").await.ok()?;
                stream.write_all(&[b'x'; 1024]).await.ok()?;
                stream.write_all(b"\r\n").await.ok()?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    stream.write_all(format!("HTTP/1.1 {status} X\r\n{header}\r\n{length}\r\n{body}").as_bytes()).await.ok()
}

impl Received {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn signatures(&self) -> Vec<&str> {
        self.header("webhook-signature").split(' ').collect()
    }

    /// Whether one of its signatures is by this secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = Base64::decode_vec(secret.strip_prefix("whsec_").expect("a secret")).unwrap();
        assert_eq!(key.len(), 32);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body).as_bytes());
        let signature = format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()));
        self.signatures().contains(&signature.as_str())
    }
}
