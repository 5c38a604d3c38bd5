use super::answer::answer;
use super::faq::{Entry, Faq};
use super::{Asker, Feedback, NewQuestion, Question};
use crate::access::{Can, Contribute, View};
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, Body, Created, One, Paged};

pub async fn faq(faq: Can<View, Faq>) -> Result<Paged<Entry>> {
    Ok(faq.into_inner().into_page())
}

pub async fn ask(app: App, asker: Can<Contribute, Asker>, body: Body<NewQuestion>) -> Result<Created<Question>> {
    answer(&app, &asker, body.0).await
}

pub async fn get(question: Can<View, Question>) -> Result<One<Question>> {
    One::of(&question)
}

pub async fn rate(app: App, question: Can<Contribute, Question>, body: Body<Feedback>) -> Result<One<Question>> {
    let (user, by) = (question.actor.user.id, app.by(&question.actor));
    app.commit(question.into_inner().rate(&body.0, user, &by)).await
}
