//! What happens, as it happens: channels that messages are published on, and sockets that listen.
//!
//! A channel is a Durable Object with a log: it numbers its messages and keeps them, so that a
//! client that was away gets what it missed. A user's sockets are another: they all hear the same,
//! so a message takes one hop for each member who listens, however many sockets there are.

pub mod api;
pub mod messages;
pub mod ticket;
pub mod wire;

use std::collections::BTreeMap;
use std::fmt;

use crate::app::App;
use crate::db::Id;
use crate::error::Result;
use crate::host::Object;

/// What messages are published on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// What happens in a project, for its team.
    Project(String),
    /// What one user should know.
    User(i64),
}

impl Channel {
    pub fn project(id: &Id) -> Self {
        Channel::Project(id.to_string())
    }

    /// Reads `project:<id>` or `user:<id>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("project", id) => Id::parse(id).map(|id| Channel::project(&id)),
            ("user", id) => id.parse().ok().map(Channel::User),
            _ => None,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Channel::Project(id) => write!(to, "project:{id}"),
            Channel::User(id) => write!(to, "user:{id}"),
        }
    }
}

/// Puts messages on their channels, each once however often it is published.
/// Answers with the events that could not be told of.
pub async fn publish(app: &App, channels: BTreeMap<Channel, (wire::Publish, Vec<Id>)>) -> Vec<Id> {
    let told = channels.into_iter().map(async |(channel, (publish, events))| {
        let taken: Result<wire::Taken> =
            app.host().ask(Object::Channel(&channel), &wire::ToChannel::Publish(publish)).await;
        taken.err().map_or(Vec::new(), |error| {
            crate::host::log("live", error.cause().unwrap_or_default());
            events
        })
    });
    futures::future::join_all(told).await.concat()
}

/// Closes the sockets that a session opened.
pub async fn end_session(app: &App, user: i64, session: &str) -> Result<()> {
    let end = wire::ToSockets::End { session: session.to_owned() };
    app.host().ask::<wire::Heard, _>(Object::Sockets(user), &end).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_read_as_it_is_written() {
        for name in ["project:0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77", "user:42"] {
            assert_eq!(Channel::parse(name).map(|channel| channel.to_string()).as_deref(), Some(name));
        }
        for none in ["", "project", "project:", "project:7", "user:x", "user:", "team:1", "user:42:1"] {
            assert_eq!(Channel::parse(none), None, "{none}");
        }
    }
}
