use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// Takes webhooks and answers as told.
#[derive(Clone, Default)]
pub struct Receiver {
    port: u16,
    got: Arc<Mutex<Vec<Webhook>>>,
    /// Statuses still to be answered; then 200.
    answers: Arc<Mutex<VecDeque<u16>>>,
}

#[derive(Clone)]
pub struct Webhook {
    pub event: String,
    pub signature: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Receiver {
    pub fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Receiver { port: listener.local_addr().unwrap().port(), ..Receiver::default() };
        let accepting = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let receiver = accepting.clone();
                thread::spawn(move || receiver.serve(stream.unwrap()));
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/billing", self.port)
    }

    pub fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub fn got(&self) -> Vec<Webhook> {
        self.got.lock().unwrap().clone()
    }

    /// The events got since last asked, forgotten.
    pub fn take(&self) -> Vec<Webhook> {
        std::mem::take(&mut self.got.lock().unwrap())
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                match line.trim_end() {
                    "" => break,
                    line => headers.push(line.to_owned()),
                }
            }
            let header = |name: &str| {
                let pairs = headers.iter().filter_map(|line| line.split_once(": "));
                let mut pairs = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
                pairs.next().map(|(_, value)| value.to_owned()).unwrap_or_default()
            };
            assert_eq!(headers[0], "POST /webhooks/billing HTTP/1.1");
            let mut bytes = vec![0; header("content-length").parse().unwrap()];
            reader.read_exact(&mut bytes).unwrap();
            self.got.lock().unwrap().push(Webhook {
                event: header("x-event-name"),
                signature: header("x-signature"),
                content_type: header("content-type"),
                body: serde_json::from_slice(&bytes).unwrap(),
                bytes,
            });
            let status = self.answers.lock().unwrap().pop_front().unwrap_or(200);
            write!(stream, "HTTP/1.1 {status} Said\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
    }
}
