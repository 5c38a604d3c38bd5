//! What is refused happened, too. It is written down behind the answer, which waits for nothing, and once a minute of
//! each caller, whoever tries how often.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Event, Kind, send_now};
use crate::app::{App, Change};
use crate::db::{Id, MINUTE, Time};
use crate::error::Code;
use crate::http::NoContent;

thread_local! {
    /// The minute in which each was last written down by this isolate.
    static WRITTEN: RefCell<HashMap<String, i64>> = RefCell::default();
}

const REMEMBERED: usize = 1_000;

/// What an answer's code tells; `what` was asked for, or which limit was exceeded.
pub fn refused(app: &App, code: Code, what: &str) {
    let user = app.identity().ok().map(|caller| caller.user);
    let nobody = |kind, entity| Event::new(kind, &app.by_user(None), entity);
    let network = app.caller().network();
    match code {
        Code::RateLimited => {
            note(app, &format!("{network} {what}"), Event::new(Kind::LimitExceeded, &app.by_user(user), what));
        }
        Code::TierLimitExceeded | Code::PreviewLimitExceeded => {
            let user = user.unwrap_or_default();
            let exceeded = Event::new(Kind::TierExceeded, &app.by_user(Some(user)), user);
            note(app, &format!("{user} {what}"), exceeded.with(json!({ "code": code.name(), "route": what })));
        }
        Code::SignatureInvalid => note(app, &network, nobody(Kind::BillingRefused, "webhook")),
        Code::WorkerCallbackInvalid => note(app, &network, nobody(Kind::CallbackRefused, "worker")),
        _ => {}
    }
}

/// `who` tried it: what is the same of a kind is written down once a minute.
pub fn note(app: &App, who: &str, event: Event) {
    let (minute, what) = (app.now().millis() / MINUTE, format!("{} {who}", event.kind.name()));
    let new = WRITTEN.with_borrow_mut(|written| {
        if written.len() >= REMEMBERED {
            written.clear();
        }
        written.insert(what.clone(), minute) != Some(minute)
    });
    if !new {
        return;
    }
    let behind = app.behind("noticed");
    app.host().later(async move {
        // The same for all isolates: the second one finds it there.
        let mut random = [0; 10];
        Sha256::digest(what).iter().zip(&mut random).for_each(|(from, to)| *to = *from);
        let id = Id::new(Time::from_millis(minute * MINUTE), random);
        let written = Change::to(()).record(id.clone(), event.insert_once(&id));
        match behind.commit::<NoContent>(written).await {
            Ok(_) => send_now(&behind).await,
            Err(error) => crate::host::log("noticed", error.cause().unwrap_or(error.message())),
        }
    });
}
