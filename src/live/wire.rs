//! What is said on a socket, and between the Durable Objects behind it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Channel;
use crate::db::{Id, Time};
use crate::error::{Code, Error, Result};

/// What keeps a socket alive, answered without waking anything.
pub const PING: &str = r#"{"type":"ping"}"#;
pub const PONG: &str = r#"{"type":"pong"}"#;

/// Bytes a client may say at once.
pub const MAX_SAID: usize = 4096;

/// Channels a socket may listen to.
pub const MAX_CHANNELS: usize = 100;

/// Sockets a user may have open.
pub const MAX_SOCKETS: usize = 100;

/// Bytes that may wait for a client to take them; who is slower is let go, and resumes.
pub const MAX_BUFFERED: f64 = 1_048_576.0;

/// What a client wants.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// `after` is the number of the last message it has.
    Subscribe {
        channel: Channel,
        after: Option<u64>,
    },
    Unsubscribe(Channel),
    Ping,
}

impl Said {
    pub fn parse(text: &str) -> Result<Said> {
        #[derive(Deserialize)]
        struct Plain {
            #[serde(rename = "type")]
            kind: String,
            channel: Option<String>,
            after: Option<u64>,
        }
        let unreadable = |why: &'static str| Error::new(Code::BadRequest).saying(why);
        if text.len() > MAX_SAID {
            return Err(unreadable("The message is too long."));
        }
        let plain: Plain = serde_json::from_str(text).map_err(|_| {
            unreadable("A message is an object like {\"type\": \"subscribe\", \"channel\": \"project:<id>\"}.")
        })?;
        let channel = || {
            let name = plain.channel.as_deref().unwrap_or_default();
            Channel::parse(name).ok_or_else(|| unreadable("A channel is project:<id> or user:<id>."))
        };
        match plain.kind.as_str() {
            "subscribe" => Ok(Said::Subscribe { channel: channel()?, after: plain.after }),
            "unsubscribe" => Ok(Said::Unsubscribe(channel()?)),
            "ping" => Ok(Said::Ping),
            _ => Err(unreadable("A message is one of subscribe, unsubscribe, ping.")),
        }
    }
}

/// What a client is told that is no message of a channel.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told<'a> {
    /// From here on every message comes; those missed follow now.
    Subscribed {
        channel: &'a str,
        seq: u64,
    },
    /// By request, or because the caller may not see it any more: then with the code.
    Unsubscribed {
        channel: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
    },
    /// What was missed is not kept any more: read everything again, then go on from here.
    Resync {
        channel: &'a str,
        seq: u64,
    },
    /// Who listens to a project; not numbered, as the latest is all of it.
    Presence {
        channel: &'a str,
        data: Present,
        timestamp: Time,
    },
    Error {
        code: &'a str,
        message: &'a str,
    },
}

#[derive(Serialize)]
pub struct Present {
    pub user_ids: Vec<i64>,
}

impl Told<'_> {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Something that happened, before its channel numbers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The event's: what was published already is not published again.
    pub id: Id,
    pub kind: String,
    pub data: Value,
    pub at: Time,
}

impl Message {
    /// As a client gets it.
    pub fn frame(&self, channel: &str, seq: u64) -> String {
        #[derive(Serialize)]
        struct Frame<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            channel: &'a str,
            seq: u64,
            data: &'a Value,
            timestamp: Time,
        }
        let frame = Frame { kind: &self.kind, channel, seq, data: &self.data, timestamp: self.at };
        serde_json::to_string(&frame).unwrap_or_default()
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Publish {
    pub messages: Vec<Message>,
    /// Who may listen; nobody else hears these or anything later. `None`: who does, and nobody from then on.
    pub audience: Option<Vec<i64>>,
}

/// What is asked of a channel.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToChannel {
    Publish(Publish),
    /// Relay to the user's sockets from now on.
    Follow {
        user: i64,
    },
    /// Give a user who follows what came after it.
    Missed {
        user: i64,
        after: u64,
    },
    /// The user listens no more, if they have not followed again since.
    Unfollow {
        user: i64,
        epoch: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Taken {}

/// Where a channel is when somebody begins to listen.
#[derive(Debug, Serialize, Deserialize)]
pub struct Followed {
    pub seq: u64,
    /// Counts the user's coming and going.
    pub epoch: u64,
    /// Who is there, as a client is told.
    pub presence: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Missed {
    /// The number of the last of `frames`, or of the channel where that is all.
    pub seq: u64,
    pub frames: Vec<String>,
    /// Whether there are more after `seq`.
    pub more: bool,
    /// Whether it does not have all of what was asked for.
    pub lost: bool,
    /// The user does not follow, or may not any more.
    pub refused: bool,
}

/// What is asked of a user's sockets.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToSockets {
    /// The messages of a channel after the one numbered `from`.
    Relay {
        channel: String,
        from: u64,
        frames: Vec<String>,
        /// To be passed on as it is.
        aside: Option<String>,
    },
    /// The user may not see the channel any more.
    Lose {
        channel: String,
    },
    End {
        session: String,
    },
    Count,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Heard {
    /// Whether anybody listens.
    pub listening: bool,
    /// Sockets that are open.
    pub open: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_understood_or_explained() {
        let user = Channel::User(42);
        let said = |text: &str| Said::parse(text).ok();
        assert_eq!(
            said(r#"{"type": "subscribe", "channel": "user:42", "after": 7}"#),
            Some(Said::Subscribe { channel: user.clone(), after: Some(7) })
        );
        assert_eq!(said(r#"{"channel": "user:42", "type": "unsubscribe"}"#), Some(Said::Unsubscribe(user)));
        assert_eq!(said(PING), Some(Said::Ping));
        for wrong in [
            "",
            "7",
            "[]",
            "{}",
            r#"{"type":"subscribe"}"#,
            r#"{"type":"x"}"#,
            r#"{"type":"subscribe","channel":"user:42","after":-1}"#,
        ] {
            assert_eq!(said(wrong), None, "{wrong}");
        }
    }
}
