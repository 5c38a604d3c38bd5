//! How a socket comes to listen to a channel, and leaves it.

use crate::db::Id;
use crate::error::{Code, Error, Result};
use crate::host::{Object, broken, log, whole};
use crate::live::Channel;
use crate::live::wire::{Followed, MAX_BUFFERED, MAX_CHANNELS, Missed, Taken, ToChannel, Told};
use crate::projects;
use worker::WebSocket;

use super::{Hearing, Listener, Number, UserSockets, attachment, buffered, change, is_open};

/// How often a client is given 50 ms to take what it missed.
const DRAIN_STEPS: u32 = 600;

impl UserSockets {
    pub(super) async fn may_listen(&self, socket: &WebSocket, channel: &Channel) -> Result<()> {
        let channels = attachment(socket).map_or(0, |attachment| attachment.channels.len());
        if channels >= MAX_CHANNELS {
            return Err(Error::new(Code::BadRequest).saying("A socket listens to 100 channels at most."));
        }
        match channel {
            Channel::User(user) if *user == self.user => Ok(()),
            Channel::User(_) => Err(Code::NotFound.into()),
            Channel::Project(id) => {
                let project = Id::parse(id).ok_or(Code::ProjectNotFound)?;
                let mut answers = self.host.batch(&[projects::membership(&project, self.user)]).await?;
                answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
                Ok(())
            }
        }
    }

    /// Tells the socket that it listens, sends what it missed, and lets it hear the rest with the others.
    pub(super) async fn join(&self, socket: &WebSocket, channel: &Channel, after: Option<u64>) -> Result<()> {
        let name = channel.to_string();
        if let Some(Hearing { from, since, .. }) = hearing(socket, &name) {
            let position = self.position(&name)?.unwrap_or(since);
            self.tell(socket, &Told::Subscribed { channel: &name, seq: position })?;
            // All after `from` it has; only what was before can be missed.
            let Some(after) = after.filter(|after| *after < from) else { return Ok(()) };
            change(socket, |channels| {
                for hearing in channels.iter_mut().filter(|hearing| hearing.channel == name) {
                    hearing.from = after;
                }
            })?;
            return self.catch_up(socket, channel, after, Some(from)).await.map(drop);
        }
        if !self.begin_joining(socket, &name) {
            return Ok(());
        }
        let caught_up = self.arrive(socket, channel, after).await;
        self.end_joining(socket, &name);
        let (seq, epoch) = caught_up?;
        let hearing = Hearing { channel: name, from: after.unwrap_or(seq).min(seq), since: seq };
        self.settle(socket, hearing, epoch)?;
        if !is_open(socket) {
            self.forget(std::slice::from_ref(socket)).await;
        }
        Ok(())
    }

    /// `false` where the socket is about to join already.
    fn begin_joining(&self, socket: &WebSocket, name: &str) -> bool {
        let mut joining = self.joining.borrow_mut();
        let sockets = joining.entry(name.to_owned()).or_default();
        let new = !sockets.contains(socket);
        if new {
            sockets.push(socket.clone());
        }
        new
    }

    fn end_joining(&self, socket: &WebSocket, name: &str) {
        let mut joining = self.joining.borrow_mut();
        if let Some(sockets) = joining.get_mut(name) {
            sockets.retain(|other| other != socket);
        }
        joining.retain(|_, sockets| !sockets.is_empty());
    }

    /// Has the channel relayed here, and brings the socket to where the others are: to which number, and by which epoch.
    async fn arrive(&self, socket: &WebSocket, channel: &Channel, after: Option<u64>) -> Result<(u64, u64)> {
        let name = channel.to_string();
        let follow = ToChannel::Follow { user: self.user };
        let Followed { seq: last, epoch, presence } = self.host.ask(Object::Channel(channel), &follow).await?;
        self.tell(socket, &Told::Subscribed { channel: &name, seq: last })?;
        if let Some(presence) = presence {
            socket.send_with_str(presence).map_err(broken)?;
        }
        let mut seq = last;
        if let Some(after) = after.filter(|after| *after != last) {
            seq = self.catch_up(socket, channel, after, None).await?;
        }
        if self.position(&name)?.is_some_and(|position| position > seq) {
            seq = self.catch_up(socket, channel, seq, None).await?;
        }
        Ok((seq, epoch))
    }

    /// Sends what came after `seq`, page by page, until the others have no more, or up to `end`.
    /// Answers with the last number it sent.
    async fn catch_up(&self, socket: &WebSocket, channel: &Channel, mut seq: u64, end: Option<u64>) -> Result<u64> {
        let name = channel.to_string();
        loop {
            let missed: Missed = self.host.ask(Object::Channel(channel), &ToChannel::Missed { after: seq }).await?;
            let before = seq;
            seq = missed.seq;
            if missed.lost {
                self.tell(socket, &Told::Resync { channel: &name, seq })?;
            }
            let wanted = end.map_or(missed.frames.len(), |end| end.saturating_sub(before) as usize);
            let frames: Vec<String> = missed.frames.into_iter().take(wanted).collect();
            self.drained(socket).await?;
            self.send(std::slice::from_ref(socket), &frames);
            let ahead = match end {
                Some(end) => seq < end && !missed.lost,
                None => missed.more || self.position(&name)?.is_some_and(|position| position > seq),
            };
            if !ahead {
                return Ok(seq);
            }
        }
    }

    /// Waits until most of what was sent has left.
    async fn drained(&self, socket: &WebSocket) -> Result<()> {
        for _ in 0..DRAIN_STEPS {
            if buffered(socket.as_ref()) < MAX_BUFFERED / 2.0 {
                return Ok(());
            }
            worker::Delay::from(std::time::Duration::from_millis(50)).await;
        }
        let _ = socket.close(Some(1013), Some("too slow"));
        Err(Code::Unavailable.into())
    }

    fn settle(&self, socket: &WebSocket, hearing: Hearing, epoch: u64) -> Result<()> {
        let (name, since) = (hearing.channel.clone(), hearing.since);
        let sql = "INSERT INTO positions (channel, seq, epoch) VALUES (?1, ?2, ?3)
                   ON CONFLICT (channel) DO UPDATE SET epoch = max(epoch, excluded.epoch)";
        self.sql.exec(sql, vec![name.as_str().into(), whole(since), whole(epoch)]).map_err(broken)?;
        change(socket, |channels| channels.push(hearing))?;
        self.with_listeners(|listeners| {
            let all = listeners.entry(name).or_default();
            if !all.iter().any(|listener| listener.socket == *socket) {
                all.push(Listener { socket: socket.clone(), since });
            }
        });
        Ok(())
    }

    pub(super) async fn leave(&self, socket: &WebSocket, name: &str) -> Result<()> {
        change(socket, |channels| channels.retain(|hearing| hearing.channel != name))?;
        let left = self.with_listeners(|listeners| {
            if let Some(all) = listeners.get_mut(name) {
                all.retain(|listener| listener.socket != *socket);
                if all.is_empty() {
                    listeners.remove(name);
                }
            }
            !listeners.contains_key(name)
        });
        if !left || self.joining.borrow().contains_key(name) {
            return Ok(());
        }
        let gone =
            self.sql.exec("DELETE FROM positions WHERE channel = ?1 RETURNING epoch AS number", vec![name.into()]);
        let epoch = gone.and_then(|cursor| cursor.to_array::<Number>()).map_err(broken)?.pop();
        match (Channel::parse(name), epoch) {
            (Some(channel), Some(Number { number: epoch })) => {
                let unfollow = ToChannel::Unfollow { user: self.user, epoch };
                self.host.ask::<Taken, _>(Object::Channel(&channel), &unfollow).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// A socket is gone. A channel that cannot be told notices when it relays.
    pub(super) async fn forget(&self, sockets: &[WebSocket]) {
        for socket in sockets {
            for hearing in attachment(socket).map_or(Vec::new(), |attachment| attachment.channels) {
                if let Err(error) = self.leave(socket, &hearing.channel).await {
                    log("sockets", error.cause().unwrap_or_default());
                }
            }
        }
    }
}

fn hearing(socket: &WebSocket, name: &str) -> Option<Hearing> {
    attachment(socket)?.channels.into_iter().find(|hearing| hearing.channel == name)
}
