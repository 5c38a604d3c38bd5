use serde_json::json;

use crate::access::Operator;
use crate::admin::overview::{self, Overview};
use crate::admin::viewed;
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, One};

pub async fn overview(app: App, Operator(actor): Operator) -> Result<One<Overview>> {
    let seen = viewed("overview", json!({}), &app.by(&actor));
    One::of(&Overview::load(&mut app.commit_and_read(seen, overview::reads()).await?)?)
}
