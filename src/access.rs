//! Who may: a permission is a type, and holding one proves it was checked.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::admin::switches;
use crate::api_keys::credential::Key;
use crate::app::{App, Boxed};
use crate::auth::token::Claims;
use crate::db::{self, Answers, Id, MINUTE, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::http::{Page, Paged};
use crate::limits::{self, Limits, Tier};
use crate::openapi::Operation;
use crate::sql;
use crate::user::User;

/// Seconds a revoked session is remembered at the edge: as long as its access token could live.
pub const REVOCATION_KEPT: u64 = 15 * (MINUTE / 1000) as u64;

/// Where the edge notes that a session is over.
pub fn revocation_key(session: &str) -> String {
    format!("revoked/{session}")
}

pub fn session_over() -> Error {
    Error::new(Code::TokenInvalid).saying("The session is over; log in again.")
}

/// Who a request says it is from, under a seal of ours or by a secret. Whether that still holds is for the database to
/// say, in the batch that loads what the request is about.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user: i64,
    /// As it was when last heard of.
    pub tier: Tier,
    pub credential: Credential,
}

/// What somebody calls with.
#[derive(Clone, Debug)]
pub enum Credential {
    Session(Id),
    Key(Key),
}

/// The caller: a user in good standing, by a live session or key.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user: User,
    pub credential: Credential,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Owner,
    /// Of the thing itself. A project's owner may remove it, but not change what somebody else says.
    #[serde(skip_serializing)]
    Author,
    /// Of the whole service: who runs it. No thing gives this role, a user's row does.
    #[serde(skip_serializing)]
    Operator,
}

pub struct View;
/// Work inside it: add, change and remove what members share.
pub struct Contribute;
pub struct Edit;
pub struct Delete;
/// Look after the service itself.
pub struct Operate;

/// What a thing may look at to find itself.
pub struct Ask<'a> {
    pub caller: &'a Identity,
    pub path: Path,
    pub query: Option<&'a str>,
    pub now: Time,
    pub limits: &'a Limits,
}

#[derive(Default)]
pub struct Path(HashMap<String, String>);

impl Path {
    /// An id in the path. What is no id names nothing.
    pub fn id(&self, name: &str, missing: Code) -> Result<Id> {
        self.0.get(name).and_then(|text| Id::parse(text)).ok_or_else(|| missing.into())
    }

    /// What stands in the path.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A user's id in the path.
    pub fn user(&self, name: &str, missing: Code) -> Result<i64> {
        self.0.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| missing.into())
    }
}

/// Something a caller can reach, loaded together with what they call with in one trip.
pub trait Thing: Sized + Send {
    const NOT_FOUND: Code;
    fn find(ask: &Ask) -> Result<Vec<Stmt>>;
    /// `None` where the caller cannot see it, which is as good as not there.
    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>>;
    fn role(&self) -> Role;
    /// What of a request it looks at beyond the path, for the contract.
    fn reads(_: &mut Operation) {}
}

/// Which role a verb needs on a thing.
pub trait Permits<Verb>: Thing {
    const NEEDS: Role;
}

/// The permission to do `Verb` to this very `Thing`.
pub struct Can<Verb, T> {
    pub actor: Actor,
    thing: T,
    verb: PhantomData<fn() -> Verb>,
}

impl<V, T> Can<V, T> {
    pub fn into_inner(self) -> T {
        self.thing
    }
}

impl<V, T> Deref for Can<V, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.thing
    }
}

/// Who calls, and whether others than operators are kept out.
#[derive(Deserialize)]
pub struct Found {
    #[serde(flatten)]
    pub user: User,
    #[serde(deserialize_with = "db::flag")]
    pub maintenance: bool,
}

impl From<Claims> for Identity {
    fn from(Claims { user, session, tier }: Claims) -> Self {
        Identity { user, tier, credential: Credential::Session(session) }
    }
}

impl Identity {
    /// Under which it is counted, and its repeated requests are known. A key is a program of its own, whose bursts and
    /// `Idempotency-Key`s are not its user's; it keeps them when its secret is changed.
    pub fn account(&self) -> String {
        match &self.credential {
            Credential::Session(_) => format!("user {}", self.user),
            Credential::Key(key) => format!("key {}", key.id),
        }
    }

    fn find(&self, now: Time) -> Stmt {
        match &self.credential {
            Credential::Session(session) => sql!(
                "SELECT u.id, u.email, u.username, u.display_name, u.avatar_url, u.tier, u.status, u.is_admin,
                        u.created_at, u.updated_at,
                        (SELECT is_on FROM switches WHERE name = 'maintenance') AS maintenance
                 FROM sessions s JOIN users u ON u.id = s.user_id
                 WHERE s.id = ?1 AND s.user_id = ?2 AND s.revoked_at IS NULL AND s.expires_at > ?3",
                session,
                self.user,
                now,
            ),
            Credential::Key(key) => key.find(self.user, now),
        }
    }

    fn load(&self, answers: &mut Answers, app: &App) -> Result<Found> {
        match &self.credential {
            Credential::Session(_) => answers.first()?.ok_or_else(session_over),
            Credential::Key(key) => key.load(answers, app),
        }
    }
}

impl Credential {
    /// For what only somebody who logged in does.
    pub fn session(&self) -> Result<&Id> {
        match self {
            Credential::Session(session) => Ok(session),
            Credential::Key(_) => Err(Code::KeyNotAllowed.into()),
        }
    }
}

impl Actor {
    /// Whoever this is, if what they call with still lives.
    pub async fn of(app: &App, caller: &Identity) -> Result<Self> {
        let mut answers = app.read_regardless(vec![caller.find(app.now())]).await?;
        Actor::load(&mut answers, app, caller)
    }

    /// Who does not run this service may not look after it, and no program does.
    fn operates(&self) -> Result<()> {
        self.credential.session()?;
        if self.user.is_admin { Ok(()) } else { Err(Code::Forbidden.into()) }
    }

    fn load(answers: &mut Answers, app: &App, caller: &Identity) -> Result<Self> {
        let Found { user, maintenance } = caller.load(answers, app)?;
        switches::saw(maintenance, app.now());
        app.admit(user.is_admin && caller.credential.session().is_ok(), maintenance)?;
        user.may_act()?;
        limits::remember(&user);
        Ok(Actor { user, credential: caller.credential.clone() })
    }
}

impl FromRequestParts<()> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        Actor::of(&app, app.identity()?).await
    }
}

/// The caller runs this service.
pub struct Operator(pub Actor);

impl FromRequestParts<()> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &()) -> Result<Self> {
        let actor = Actor::from_request_parts(parts, state).await?;
        actor.operates()?;
        Ok(Operator(actor))
    }
}

impl<V, T: Permits<V>> FromRequestParts<()> for Can<V, T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        let caller = app.identity()?;
        let path = path(parts).await.ok_or(T::NOT_FOUND)?;
        let ask = Ask { caller, path, query: parts.uri.query(), now: app.now(), limits: &app.config().limits };
        let operates = T::NEEDS == Role::Operator;
        let (actor, mut answers) = look(&app, caller, T::find(&ask), operates).await?;
        let thing = T::load(&mut answers, &ask)?.ok_or_else(|| Error::new(T::NOT_FOUND))?;
        if !operates && thing.role() < T::NEEDS {
            return Err(Code::Forbidden.into());
        }
        Ok(Can { actor, thing, verb: PhantomData })
    }
}

/// `None` for an address that is no text.
fn path(parts: &mut Parts) -> Boxed<'_, Option<Path>> {
    Box::pin(async {
        let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
        Some(Path(params.iter().map(|(key, value)| (key.into(), value.into())).collect()))
    })
}

/// The caller, and what was found besides. A malformed address of nobody's is still nobody's: the caller is checked first.
fn look<'a>(
    app: &'a App,
    caller: &'a Identity,
    find: Result<Vec<Stmt>>,
    operates: bool,
) -> Boxed<'a, Result<(Actor, Answers)>> {
    Box::pin(async move {
        let (stmts, lost) = match find {
            Ok(stmts) => (stmts, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let mut batch = vec![caller.find(app.now())];
        batch.extend(stmts);
        let mut answers = app.read_regardless(batch).await?;
        let actor = Actor::load(&mut answers, app, caller)?;
        if operates {
            actor.operates()?;
        }
        match lost {
            Some(error) => Err(error),
            None => Ok((actor, answers)),
        }
    })
}

/// A list the caller may see. Its filter is read from the query.
pub trait Listed: DeserializeOwned + Send {
    type Filter: DeserializeOwned + JsonSchema + Send;
    /// What is missing where there is no such list.
    const NO_HOLDER: Code = Code::NotFound;
    /// Only operators see it: its pages are as long as the highest tier's.
    const FOR_OPERATORS: bool = false;
    /// What the list is of, from the outside in: a row where the caller may see it, and what is missing where not.
    /// None: everybody has such a list.
    fn holders(_: &Ask) -> Result<Vec<(Stmt, Code)>> {
        Ok(Vec::new())
    }
    /// How many there are, and the page of them.
    fn list(ask: &Ask, filter: Self::Filter, page: Page) -> Result<[Stmt; 2]>;
}

/// Of a list that is always of all there is.
#[derive(Deserialize, JsonSchema)]
pub struct NoFilter {}

pub struct List<T: Listed> {
    page: Paged<T>,
    /// What was asked for.
    pub filter: T::Filter,
}

impl<T: Listed> List<T> {
    pub fn into_inner(self) -> Paged<T> {
        self.page
    }
}

#[derive(Deserialize)]
struct Count {
    total: i64,
}

impl<T: Listed> Thing for List<T> {
    const NOT_FOUND: Code = T::NO_HOLDER;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let holders = T::holders(ask)?.into_iter().map(|(stmt, _)| stmt);
        let page = Page::parse(ask.query, max_page_size::<T>(ask))?;
        let filter = crate::http::query(ask.query)?;
        Ok(holders.chain(T::list(ask, filter, page)?).collect())
    }

    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        for (_, missing) in T::holders(ask)? {
            answers.first::<IgnoredAny>()?.ok_or(missing)?;
        }
        let Page { page, page_size } = Page::parse(ask.query, max_page_size::<T>(ask))?;
        let total = answers.first::<Count>()?.map_or(0, |count| count.total);
        let page = Paged { items: answers.rows()?, total, page, page_size };
        Ok(Some(List { page, filter: crate::http::query(ask.query)? }))
    }

    fn role(&self) -> Role {
        Role::Owner
    }

    fn reads(operation: &mut Operation) {
        operation.listed::<T::Filter>();
    }
}

impl<T: Listed> Permits<View> for List<T> {
    const NEEDS: Role = Role::Member;
}

impl<T: Listed> Permits<Operate> for List<T> {
    const NEEDS: Role = Role::Operator;
}

fn max_page_size<T: Listed>(ask: &Ask) -> u32 {
    ask.limits.max_page_size(if T::FOR_OPERATORS { Tier::Premium } else { limits::known_tier(ask.caller) })
}
