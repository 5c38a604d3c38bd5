use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};
use serde::Deserialize;

use crate::access::Actor;
use crate::app::App;
use crate::auth::token::{Claims, Keys};
use crate::csrf;
use crate::db::Time;
use crate::error::{Code, Error, Result};
use crate::host::{Entry, Object};
use crate::http::{Answer, One, Socket, query};
use crate::live::ticket::{Shown, Ticket};
use crate::routes::BASE;

pub async fn ticket(app: App, actor: Actor) -> Result<One<Ticket>> {
    let session = actor.credential.session()?.clone();
    let claims = Claims { user: actor.user.id, session, tier: actor.user.tier };
    One::of(&Ticket::make(&claims, &app.id()?, &app.config().keys, app.now()))
}

pub async fn open(app: App, guest: Guest) -> Result<Socket> {
    app.host().enter(Object::Sockets(guest.user), &guest.entry).await.map(Socket)
}

/// For clients that put their own name into the address.
pub async fn open_as(app: App, guest: Guest) -> Result<Socket> {
    open(app, guest).await
}

/// Who opens a socket: by a ticket, or an access token in the query or the header, or our own page's cookie.
pub struct Guest {
    user: i64,
    entry: Entry,
}

#[derive(Default, Deserialize)]
struct Shows {
    ticket: Option<String>,
    token: Option<String>,
}

/// What the address of a socket says of who opens it; `None` where it says nothing, or is of none.
pub fn claims(uri: &Uri, keys: &Keys, now: Time) -> Option<Result<Claims>> {
    let rest = uri.path().strip_prefix(BASE)?.strip_prefix("/ws")?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    match query(uri.query()).unwrap_or_default() {
        Shows { ticket: Some(ticket), .. } => {
            Some(Shown::read(&ticket, keys, now).map(|shown| shown.claims).ok_or_else(|| Code::TokenInvalid.into()))
        }
        Shows { token: Some(token), .. } => Some(keys.verify(&token, now)),
        _ => None,
    }
}

impl FromRequestParts<()> for Guest {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        let shows: Shows = query(parts.uri.query())?;
        let caller = app.identity()?;
        let shown = shows.ticket.and_then(|ticket| Shown::read(&ticket, &app.config().keys, app.now()));
        let (nonce, until) = shown.map(|shown| (shown.nonce, shown.until.millis())).unzip();
        let credential = nonce.is_some() || shows.token.is_some() || parts.headers.contains_key(header::AUTHORIZATION);
        check_origin(&parts.headers, &app, credential)?;
        let actor = Actor::of(&app, caller).await?;
        let upgrade = parts.headers.get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if parts.method != Method::GET || !upgrade.eq_ignore_ascii_case("websocket") {
            return Err(Code::UpgradeRequired.into());
        }
        let session = actor.credential.session()?.clone();
        Ok(Guest { user: actor.user.id, entry: Entry { session, nonce, until } })
    }
}

/// A browser opens a socket for any page: only for ours and those that may call, and by cookie only for ours.
fn check_origin(headers: &HeaderMap, app: &App, credential: bool) -> Result<()> {
    let ours = csrf::from_our_page(headers, app.site());
    let welcome = headers.get(header::ORIGIN).is_none_or(|origin| app.config().cors_origins.contains(origin));
    match (ours, credential) {
        (Some(true), _) => Ok(()),
        (_, true) if welcome => Ok(()),
        _ => Err(Code::CrossSite.into()),
    }
}
