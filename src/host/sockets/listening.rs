//! How a socket comes to listen to a channel, and leaves it.

use crate::db::Id;
use crate::error::{Code, Error, Result};
use crate::host::{Object, broken, log, whole};
use crate::live::Channel;
use crate::live::wire::{Followed, MAX_BUFFERED, MAX_CHANNELS, Missed, Taken, ToChannel, Told};
use crate::projects;
use worker::WebSocket;

use super::{Hearing, Listener, Number, UserSockets, attachment, change, drained, is_open};

/// Milliseconds a client is given to take what it missed.
const PATIENCE: f64 = 30_000.0;

impl UserSockets {
    async fn may_listen(&self, socket: &WebSocket, channel: &Channel) -> Result<()> {
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
        let had = hearing(socket, &name);
        if let Some(Hearing { from, since, .. }) = &had
            && after.is_none_or(|after| after >= *from)
        {
            // All after `from` it has.
            let position = self.position(&name)?.unwrap_or(*since);
            return self.tell(socket, &Told::Subscribed { channel: &name, seq: position });
        }
        if !self.begin_joining(socket, &name) {
            return Err(Error::new(Code::Conflict).saying("This channel is being joined already."));
        }
        // Joining already: what the client says next may be heard before this is answered.
        if let Err(refused) = self.may_listen(socket, channel).await {
            self.end_joining(socket, &name);
            return Err(refused);
        }
        let arrived = self.arrive(socket, channel, after, had).await;
        let wanted = self.end_joining(socket, &name);
        match arrived {
            Ok((hearing, epoch)) if wanted && is_open(socket) => self.settle(socket, hearing, epoch),
            // It left meanwhile, or lost the channel.
            Ok(_) => self.leave(socket, &name).await,
            Err(error) => {
                // How much it has is not known here any more; when it comes again, it says.
                let _ = socket.close(Some(1011), Some("try again"));
                self.forget(std::slice::from_ref(socket)).await;
                Err(error)
            }
        }
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

    fn is_joining(&self, socket: &WebSocket, name: &str) -> bool {
        self.joining.borrow().get(name).is_some_and(|sockets| sockets.contains(socket))
    }

    /// Whether it was about to join.
    fn end_joining(&self, socket: &WebSocket, name: &str) -> bool {
        let mut joining = self.joining.borrow_mut();
        let Some(sockets) = joining.get_mut(name) else { return false };
        let before = sockets.len();
        sockets.retain(|other| other != socket);
        let found = sockets.len() < before;
        joining.retain(|_, sockets| !sockets.is_empty());
        found
    }

    /// Has the channel relayed here, and brings the socket to where the others are. `had` is what it has already.
    async fn arrive(
        &self,
        socket: &WebSocket,
        channel: &Channel,
        after: Option<u64>,
        had: Option<Hearing>,
    ) -> Result<(Hearing, u64)> {
        let name = channel.to_string();
        let position = self.position(&name)?;
        if had.is_some() {
            self.step_back(socket, &name)?;
        }
        let follow = ToChannel::Follow { user: self.user };
        let Followed { seq: last, epoch, presence } = self.host.ask(Object::Channel(channel), &follow).await?;
        if !self.is_joining(socket, &name) {
            return Ok((Hearing { channel: name, from: last, since: last }, epoch));
        }
        self.tell(socket, &Told::Subscribed { channel: &name, seq: last })?;
        if let Some(presence) = presence {
            socket.send_with_str(presence).map_err(broken)?;
        }
        let from = after.unwrap_or(last);
        let mut seq = from;
        if let Some(had) = had {
            self.catch_up(socket, channel, from, Some(had.from)).await?;
            seq = position.unwrap_or(had.since);
        }
        if seq != last || self.position(&name)?.is_some_and(|position| position > seq) {
            seq = self.catch_up(socket, channel, seq, None).await?;
        }
        Ok((Hearing { channel: name, from: from.min(seq), since: seq }, epoch))
    }

    /// Sends what came after `seq`, page by page, until the others have no more, or up to `end`.
    /// Answers with the last number it sent.
    async fn catch_up(&self, socket: &WebSocket, channel: &Channel, mut seq: u64, end: Option<u64>) -> Result<u64> {
        let name = channel.to_string();
        loop {
            self.drained(socket).await?;
            let ask = ToChannel::Missed { user: self.user, after: seq };
            let missed: Missed = self.host.ask(Object::Channel(channel), &ask).await?;
            if !self.is_joining(socket, &name) {
                return Ok(seq);
            }
            if missed.refused {
                return Err(Code::Unavailable.into());
            }
            let before = seq;
            seq = missed.seq;
            if missed.lost {
                self.tell(socket, &Told::Resync { channel: &name, seq })?;
            }
            let wanted = end.map_or(missed.frames.len(), |end| end.saturating_sub(before) as usize);
            let frames: Vec<String> = missed.frames.into_iter().take(wanted).collect();
            if !self.send(std::slice::from_ref(socket), &frames).is_empty() {
                return Err(Code::Unavailable.into());
            }
            let ahead = match end {
                Some(end) => seq < end && !missed.lost,
                None => missed.more || self.position(&name)?.is_some_and(|position| position > seq),
            };
            if !ahead {
                return Ok(seq);
            }
        }
    }

    /// Hears no more with the others, but may again.
    fn step_back(&self, socket: &WebSocket, name: &str) -> Result<()> {
        change(socket, |channels| channels.retain(|hearing| hearing.channel != name))?;
        self.with_listeners(|listeners| {
            if let Some(all) = listeners.get_mut(name) {
                all.retain(|listener| listener.socket != *socket);
            }
            listeners.retain(|_, all| !all.is_empty());
        });
        Ok(())
    }

    /// Waits until most of what was sent has left.
    async fn drained(&self, socket: &WebSocket) -> Result<()> {
        if drained(socket.as_ref(), MAX_BUFFERED / 2.0, PATIENCE).await.is_truthy() {
            return Ok(());
        }
        Err(Error::new(Code::Unavailable).because("a client does not take what it missed"))
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
        self.end_joining(socket, name);
        self.step_back(socket, name)?;
        let left = self.with_listeners(|listeners| !listeners.contains_key(name));
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
