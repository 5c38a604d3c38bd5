//! The Durable Object that idle workers wait at. In memory only: who waits keeps it there, and a ring that is
//! forgotten costs a look into the database at the end of a wait.

use std::cell::{Cell, RefCell};

use futures::channel::oneshot;
use futures::future::{Either, select};
use worker::send::SendFuture;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::now;
use crate::db::SECOND;
use crate::jobs::bell::{Rung, ToBell};

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    async fn wait(milliseconds: f64) -> JsValue;
}

/// Who looked for a job so shortly before a ring may have looked too early.
const LATELY: i64 = 3 * SECOND;

#[durable_object(fetch)]
pub struct Bell {
    rings: Cell<u64>,
    rung_at: Cell<i64>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
}

impl DurableObject for Bell {
    fn new(_: State, _: Env) -> Self {
        Bell { rings: Cell::new(0), rung_at: Cell::new(0), waiting: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let came = now().millis();
        match request.json().await? {
            ToBell::Ring => {
                self.rings.set(self.rings.get() + 1);
                self.rung_at.set(came);
                for waiting in self.waiting.take() {
                    // Who is not there any more hears nothing.
                    let _ = waiting.send(());
                }
            }
            ToBell::Wait { milliseconds, heard } => {
                let missed = match heard {
                    Some(rings) => rings != self.rings.get(),
                    None => came - self.rung_at.get() < LATELY,
                };
                if !missed {
                    let (ring, rung) = oneshot::channel();
                    self.waiting.borrow_mut().push(ring);
                    match select(rung, Box::pin(SendFuture::new(wait(milliseconds as f64)))).await {
                        Either::Left(_) => {}
                        // Those whose time is over do not pile up.
                        Either::Right((_, rung)) => {
                            drop(rung);
                            self.waiting.borrow_mut().retain(|ring| !ring.is_canceled());
                        }
                    }
                }
            }
        }
        Response::from_json(&Rung { rings: self.rings.get(), waited: now().millis() - came })
    }
}
