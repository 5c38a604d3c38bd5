use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Person;

/// A WebSocket of someone's.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What every message must come within.
const SOON: Duration = Duration::from_secs(30);

impl Person {
    pub async fn ticket(&self) -> String {
        self.post("/ws/ticket").await.data()["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// Opens a socket by a ticket and waits until it listens to the user's own channel.
    pub async fn listen(&self) -> Socket {
        let mut socket = self.open(&format!("/ws?ticket={}", self.ticket().await), &[]).await.expect("a socket");
        let own = socket.next().await;
        assert_eq!((&own["type"], &own["channel"]), (&json!("subscribed"), &json!(format!("user:{}", self.id()))));
        socket
    }

    /// A socket that listens to a project from here on.
    pub async fn watch(&self, project: &str) -> Socket {
        let mut socket = self.listen().await;
        socket.subscribe(&format!("project:{project}"), None).await;
        socket.skip_to("subscribed").await;
        socket
    }

    /// The status where no socket is opened.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, u16> {
        let origin = self.origin();
        let stream = TcpStream::connect(origin.trim_start_matches("http://")).await.expect("a connection");
        let url = format!("{}/api/v1{path}", origin.replace("http", "ws"));
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        match client_async(request, stream).await {
            Ok((stream, _)) => Ok(Socket { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }
}

/// For when the service may go away at any time: `None` where it did.
impl Person {
    pub async fn try_open(&self, path: &str) -> Option<Socket> {
        let origin = self.origin();
        let stream = TcpStream::connect(origin.trim_start_matches("http://")).await.ok()?;
        let url = format!("{}/api/v1{path}", origin.replace("http", "ws"));
        let (stream, _) = tokio::time::timeout(Duration::from_secs(10), client_async(url, stream)).await.ok()?.ok()?;
        Some(Socket { stream })
    }
}

impl Socket {
    pub async fn try_subscribe(&mut self, channel: &str, after: u64) -> Option<()> {
        let message = json!({ "type": "subscribe", "channel": channel, "after": after });
        self.stream.send(Message::text(message.to_string())).await.ok()
    }

    pub async fn try_next(&mut self) -> Option<Value> {
        match self.stream.next().await? {
            Ok(Message::Text(text)) => serde_json::from_str(&text).ok(),
            _ => None,
        }
    }
}

impl Socket {
    pub async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("to be heard");
    }

    pub async fn subscribe(&mut self, channel: &str, after: Option<u64>) {
        let mut message = json!({ "type": "subscribe", "channel": channel });
        if let Some(after) = after {
            message["after"] = json!(after);
        }
        self.say(message).await;
    }

    /// The next message that is not about who is present.
    pub async fn next(&mut self) -> Value {
        loop {
            let message = self.next_of_all().await;
            if message["type"] != "presence" {
                return message;
            }
        }
    }

    pub async fn next_of_all(&mut self) -> Value {
        match self.frame().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no message but {other:?}"),
        }
    }

    /// The next message of a type, whatever comes before it.
    pub async fn skip_to(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next_of_all().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// So many messages of a channel, by their numbers.
    pub async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let message = self.next().await;
            numbers.push(message["seq"].as_u64().unwrap_or_else(|| panic!("a numbered message, not {message}")));
        }
        numbers
    }

    /// With which code the other side closes it.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(SOON, self.stream.next()).await.expect("an end, soon") {
                Some(Ok(Message::Close(frame))) => return frame.map_or(1005, |frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 1006,
            }
        }
    }

    /// The next message, or with which code the other side closes.
    pub async fn next_or_close(&mut self) -> Result<Value, u16> {
        loop {
            match self.frame().await {
                Message::Close(frame) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "presence" {
                        return Ok(message);
                    }
                }
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// Nothing but presence comes for a moment.
    pub async fn silent(&mut self) {
        let wait = tokio::time::timeout(Duration::from_millis(400), self.next()).await;
        assert!(wait.is_err(), "{wait:?} came");
    }

    pub async fn close(mut self) {
        let _ = self.stream.close(None).await;
        while let Some(Ok(_)) = self.stream.next().await {}
    }

    async fn frame(&mut self) -> Message {
        let next = tokio::time::timeout(SOON, self.stream.next()).await;
        next.expect("a message, soon").expect("an open socket").expect("a message")
    }
}
