use crate::access::{Actor, Can, Delete, List, View, session_over};
use crate::app::App;
use crate::auth::login_link::{Exchange, Exchanged, LoginLink, LoginToken};
use crate::auth::session::{self, Device, Opening, REFRESH_LIFE, Rotation, Session};
use crate::auth::token::RefreshToken;
use crate::auth::{self, Login, Refresh, Register, Tokens, cookie, lockout};
use crate::csrf::NotCrossSite;
use crate::db::Text;
use crate::error::{Code, Error, Result};
use crate::event::Kind;
use crate::http::{Answer, Bare, Body, Body400, Created, NoContent, One, Paged, SetCookie};
use crate::user::User;

pub async fn register(app: App, body: Body<Register>) -> Result<Created<User>> {
    let id = app.commit_row(auth::reserve(&body.0)).await?.ok_or(Code::Conflict)?.id()?;
    let hash = body.0.password.hash(&app.random()?)?;
    app.commit(auth::register(body.0, id, hash, &app.by_user(None))).await
}

pub async fn login(app: App, Body(body): Body<Login>) -> Result<One<Tokens>> {
    let keys = &app.config().keys;
    let key = lockout::key(keys, &body.email, &app.caller().network());
    let fingerprint = session::device(keys, app.caller());
    let attempt = auth::attempt(&body.email, &key, &app.id()?, &fingerprint, app.now());
    let attempt = app.commit_row(attempt).await?.ok_or(Code::Conflict)?;
    attempt.admit(app.now()).inspect_err(|_| auth::refused(&app, attempt.of(), "lockout"))?;
    let Some(user) = attempt.check(&body.password)? else {
        let _: NoContent = app.commit(attempt.failed(&app.by_user(None))).await?;
        return Err(Code::InvalidCredentials.into());
    };
    user.may_act().inspect_err(|_| auth::refused(&app, user.id, "suspended"))?;
    let refresh = RefreshToken::first(app.id()?, app.random()?);
    let opening = Opening {
        id: refresh.session.clone(),
        refresh_hash: refresh.hash(),
        life: REFRESH_LIFE,
        device: Device { name: body.device_name, platform: body.platform },
        fingerprint,
        user_agent: app.caller().user_agent.clone(),
        suspicious: attempt.is_suspicious(),
    };
    let tokens = Tokens::new(user.clone(), &refresh, keys, app.now())?;
    let change = crate::app::Change::to(tokens).run(lockout::forget(&key));
    app.commit(session::open(change, opening, &app.by_user(Some(user.id)), user.id)).await
}

pub async fn refresh(app: App, body: Body<Refresh>) -> Result<One<Tokens>> {
    let keys = &app.config().keys;
    let token = RefreshToken::read(&body.0.refresh_token, keys).ok_or(Code::TokenInvalid)?;
    let rotate = session::rotate(&token, keys, app.caller(), &app.id()?);
    let session = app.commit_row(rotate).await?.ok_or_else(session_over)?;
    if session.judge(&token, keys, app.now()) == Rotation::Stale {
        // By whom, nobody knows.
        let (user, by) = (session.user.id, app.by_user(None));
        let _: NoContent =
            app.commit(session::revoke(&token.session, user, Kind::SessionReused, Code::TokenInvalid, &by)).await?;
        return Err(Error::new(Code::TokenInvalid).saying("The refresh token was used before; log in again."));
    }
    session.user.may_act().inspect_err(|_| auth::refused(&app, session.user.id, "suspended"))?;
    One::of(&Tokens::new(session.user, &token.child(keys), keys, app.now())?)
}

pub async fn logout(app: App, actor: Actor) -> Result<(SetCookie, NoContent)> {
    let (session, user) = (actor.credential.session()?, actor.user.id);
    let over = session::revoke(session, user, Kind::SessionRevoked, Code::TokenInvalid, &app.by(&actor));
    Ok((cookie::clear(), app.commit(over).await?))
}

pub async fn session_token(app: App, actor: Actor) -> Result<Bare<LoginLink>> {
    let (token, seconds) = (LoginToken::new(app.random()?), app.config().login_link_seconds);
    let link = app.commit(token.create(&actor, app.site(), &app.by(&actor), seconds)?).await?;
    token.remember(&app, &actor, seconds);
    Ok(link)
}

pub async fn session_exchange(
    app: App,
    _: NotCrossSite,
    body: Body400<Exchange>,
) -> Result<(SetCookie, Bare<Exchanged>)> {
    let token = LoginToken::read(&body.0.token).ok_or(Code::LoginLinkOver)?;
    let holder = token.holder(&app).await?;
    let opening = Opening {
        id: app.id()?,
        refresh_hash: String::new(),
        life: cookie::LIFE,
        device: Device { name: None, platform: Some(Text::of("web")) },
        fingerprint: session::device(&app.config().keys, app.caller()),
        user_agent: app.caller().user_agent.clone(),
        suspicious: false,
    };
    let claims = holder.claims(opening.id.clone());
    let exchanged = app.commit(token.exchange(&holder, opening, &app.by_user(Some(holder.user())))).await?;
    Ok((cookie::set(&claims, &app.config().keys, app.now()), exchanged))
}

pub async fn me(actor: Actor) -> Result<One<User>> {
    One::of(&actor.user)
}

pub async fn sessions(sessions: Can<View, List<Session>>) -> Result<Paged<Session>> {
    Ok(sessions.into_inner().into_inner())
}

pub async fn revoke(app: App, session: Can<Delete, Session>) -> Result<NoContent> {
    let (user, by) = (session.actor.user.id, app.by(&session.actor));
    app.commit(session::revoke(&session.id, user, Kind::SessionRevoked, Code::SessionNotFound, &by)).await
}
