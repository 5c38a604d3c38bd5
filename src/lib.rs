use worker::{Context, Env, event};

#[event(fetch)]
async fn fetch(_: web_sys::Request, _: Env, _: Context) -> worker::Result<worker::Response> {
    worker::Response::ok("hello")
}
