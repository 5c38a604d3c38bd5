use std::sync::atomic::{AtomicU32, Ordering};

use base64ct::{Base64UrlUnpadded, Encoding};
use reqwest::Method;
use serde_json::{Value, json};

use super::world::fresh_ip;
use super::{Call, PASSWORD, Reply, World};

/// Someone who calls: from an address, with a device, perhaps logged in.
#[derive(Clone)]
pub struct Person {
    pub world: World,
    pub name: String,
    pub email: String,
    pub ip: String,
    pub user_agent: String,
    pub access_token: Option<String>,
    pub refresh_token: String,
    /// A browser's session, sent where there is no access token.
    pub cookie: Option<String>,
    id: Option<i64>,
    isolate: usize,
}

impl Person {
    pub fn new(world: World, name: &str, ip: String) -> Person {
        Person {
            world,
            name: name.into(),
            email: format!("{name}@example.com"),
            user_agent: format!("test/{name}"),
            ip,
            access_token: None,
            refresh_token: String::new(),
            cookie: None,
            id: None,
            isolate: 0,
        }
    }

    pub fn id(&self) -> i64 {
        self.id.unwrap_or_else(|| panic!("{} has no account", self.name))
    }

    pub async fn register(&mut self) -> Reply {
        let body = json!({ "email": self.email, "password": PASSWORD, "display_name": self.name });
        let reply = self.post("/auth/register").json(body).status(201).await;
        self.id = reply.data()["id"].as_i64();
        reply
    }

    pub async fn log_in(&mut self) -> Reply {
        let reply = self.try_password(PASSWORD).await;
        self.take_tokens(&reply);
        self.id = reply.data()["user"]["id"].as_i64();
        reply
    }

    pub fn try_password(&self, password: &str) -> Call {
        self.call(Method::POST, "/auth/login").json(json!({ "email": self.email, "password": password }))
    }

    /// The same person, logged in once more from another network and device.
    pub async fn on_another_device(&self) -> Person {
        let ip = fresh_ip();
        let mut other = Person { user_agent: format!("{} at {ip}", self.user_agent), ip, ..self.clone() };
        other.log_in().await;
        other
    }

    /// Trades the refresh token and keeps what it gives.
    pub async fn refresh(&mut self) -> Reply {
        let reply = self.try_refresh(&self.refresh_token).await;
        self.take_tokens(&reply);
        reply
    }

    pub fn try_refresh(&self, token: &str) -> Call {
        self.call(Method::POST, "/auth/refresh").json(json!({ "refresh_token": token }))
    }

    fn take_tokens(&mut self, reply: &Reply) {
        let token = |name: &str| reply.data()[name].as_str().expect("a token").to_owned();
        self.access_token = Some(token("access_token"));
        self.refresh_token = token("refresh_token");
    }

    /// What the access token says.
    pub fn claims(&self) -> Value {
        let token = self.access_token.as_deref().expect("to be logged in");
        let payload = token.split('.').nth(1).expect("a JWT");
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(payload).unwrap()).unwrap()
    }

    pub fn session(&self) -> String {
        self.claims()["sid"].as_str().expect("a session").into()
    }

    /// The same person with another access token.
    pub fn bearing(&self, token: &str) -> Person {
        Person { access_token: Some(token.into()), ..self.clone() }
    }

    /// A browser with this cookie header, or none.
    pub fn with_cookie(&self, cookie: Option<&str>) -> Person {
        Person { access_token: None, cookie: cookie.map(Into::into), ..self.clone() }
    }

    pub fn at_ip(&self, ip: &str) -> Person {
        Person { ip: ip.into(), ..self.clone() }
    }

    /// The same person, reaching another isolate of the same world.
    pub fn through(&self, isolate: usize) -> Person {
        Person { isolate, ..self.clone() }
    }

    /// Where the Worker is that they reach.
    pub fn origin(&self) -> String {
        self.world.url(self.isolate)
    }

    pub async fn project(&self, name: &str) -> String {
        let reply = self.post("/projects").json(json!({ "name": name })).status(201).await;
        reply.data()["id"].as_str().unwrap().into()
    }

    pub async fn task(&self, project: &str, title: &str) -> String {
        let tasks = format!("/projects/{project}/tasks");
        let reply = self.post(&tasks).json(json!({ "title": title })).status(201).await;
        reply.data()["id"].as_str().unwrap().into()
    }

    /// A program of theirs, which calls with a key.
    pub async fn program(&self, scopes: &[&str]) -> Person {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("Program {}", MADE.fetch_add(1, Ordering::Relaxed));
        let reply = self.post("/api-keys").json(json!({ "name": name, "scopes": scopes })).status(201).await;
        self.bearing(reply.data()["key"].as_str().expect("a key"))
    }

    /// A path is below `/api/v1`, unless it begins with `//`.
    #[track_caller]
    pub fn call(&self, method: Method, path: &str) -> Call {
        let path = match path.strip_prefix('/') {
            Some(outside) if outside.starts_with('/') => outside.to_owned(),
            _ => format!("/api/v1{path}"),
        };
        let call = Call::new(self.world.clone(), method, &self.world.url(self.isolate), path)
            .header("cf-connecting-ip", &self.ip)
            .header("user-agent", &self.user_agent);
        match (&self.access_token, &self.cookie) {
            (Some(token), _) => call.header("authorization", format!("Bearer {token}")),
            // As a browser sends it from a page of ours.
            (None, Some(cookie)) => call
                .header("cookie", cookie)
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/json"),
            (None, None) => call,
        }
    }

    /// A link that logs a browser in, and the token in it.
    pub async fn login_link(&self) -> (String, String) {
        let reply = self.post("/auth/session-token").await;
        let url = reply.json["url"].as_str().expect("a url").to_owned();
        let token = url.rsplit('/').next().unwrap().to_owned();
        (url, token)
    }

    /// The same person in a browser, handed over by a link.
    pub async fn in_browser(&self) -> Person {
        let (_, token) = self.login_link().await;
        let browser = Person { access_token: None, user_agent: format!("{} browser", self.user_agent), ..self.clone() };
        let reply = browser.post("/auth/session-exchange").json(json!({ "token": token })).await;
        Person { cookie: Some(cookie(&reply)), ..browser }
    }

    /// A file beside the API, which has none of its headers.
    pub async fn fetch(&self, path: &str) -> Reply {
        let mut path = path.to_owned();
        for _ in 0..3 {
            let reply = self.call(Method::GET, &format!("/{path}")).file().await;
            match reply.header("location") {
                "" => return reply,
                elsewhere => path = elsewhere.into(),
            }
        }
        panic!("{path} leads nowhere");
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    #[track_caller]
    pub fn head(&self, path: &str) -> Call {
        self.call(Method::HEAD, path)
    }

    #[track_caller]
    pub fn options(&self, path: &str) -> Call {
        self.call(Method::OPTIONS, path)
    }

    #[track_caller]
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    #[track_caller]
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    #[track_caller]
    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

/// The `name=value` of the cookie an answer sets.
#[track_caller]
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}
