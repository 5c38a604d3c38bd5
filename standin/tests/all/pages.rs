use reqwest::{Method, Response};

use crate::shop::{MONTHLY, Shop};

async fn press(shop: &Shop, url: &str, form: &'static str) -> Response {
    let request = shop.client.post(url).header("content-type", "application/x-www-form-urlencoded");
    request.body(form).send().await.unwrap()
}

async fn read(shop: &Shop, url: &str) -> (u16, String) {
    let answer = shop.client.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_buyer_pays_on_the_page() {
    let shop = Shop::open().await;
    let checkout = shop.checkout(MONTHLY, "ada<b>@example.com").await;
    let (status, page) = read(&shop, &checkout).await;
    assert_eq!(status, 200);
    for text in ["no money moves", "$14.99", "ada&lt;b&gt;@example.com", "value=pay>", "value=decline>"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert_eq!(shop.provider.redirect_url(&checkout), "https://shop.test/billing?order=[order_id]");

    let declined = press(&shop, &checkout, "do=decline").await.text().await.unwrap();
    assert!(declined.contains("declined") && declined.contains("<a href=\"https://shop.test/billing\">"), "{declined}");
    assert!(shop.receiver.got().is_empty());

    let paid = press(&shop, &checkout, "do=pay").await;
    assert_eq!(paid.status(), 303);
    assert_eq!(shop.receiver.got().len(), 4);
    let order = shop.receiver.got()[0].body["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(paid.headers()["location"], format!("https://shop.test/billing?order={order}"));
    assert_eq!(shop.provider.redirect_url(&checkout), format!("https://shop.test/billing?order={order}"));

    let (_, page) = read(&shop, &checkout).await;
    assert!(page.contains("already paid") && !page.contains("<button"));
    assert_eq!(press(&shop, &checkout, "do=pay").await.status(), 303);
    assert_eq!(shop.receiver.got().len(), 4);
}

#[tokio::test]
async fn a_first_renewal_can_fail() {
    let shop = Shop::open().await;
    let checkout = shop.checkout(MONTHLY, "ada@example.com").await;
    assert_eq!(press(&shop, &checkout, "do=pay-then-fail").await.status(), 303);
    let got = shop.receiver.got();
    assert_eq!(got.len(), 6);
    assert_eq!(got[5].body["data"]["attributes"]["status"], "past_due");
}

#[tokio::test]
async fn expired_and_changed_links_say_so() {
    let shop = Shop::open().await;
    let mut request = shop.checkout_request(MONTHLY, "ada@example.com");
    request["data"]["attributes"]["expires_at"] = "2025-11-19T12:09:31Z".into();
    let (_, body) = shop.ask(Method::POST, "/v1/checkouts", Some(request)).await;
    let checkout = body["data"]["attributes"]["url"].as_str().unwrap();
    let (status, page) = read(&shop, &checkout.replace("expires=17", "expires=27")).await;
    assert!(status == 403 && page.contains("signature is wrong"), "{page}");
    shop.wait(3600);
    let (status, page) = read(&shop, checkout).await;
    assert!(status == 403 && page.contains("has expired"), "{page}");
    assert_eq!(press(&shop, checkout, "do=pay").await.status(), 403);
    assert!(shop.receiver.got().is_empty());
    assert_eq!(read(&shop, &format!("{}/elsewhere", shop.provider.url())).await.0, 404);
}

#[tokio::test]
async fn a_customer_cancels_and_resumes_in_the_portal() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    let link = |name: &str| shop.provider.subscription(id)["attributes"]["urls"][name].as_str().unwrap().to_owned();
    let portal = link("customer_portal");
    assert!(portal.starts_with(&format!("{}/billing?", shop.provider.url())));
    for (form, button, status) in [("cancel", "Resume", "cancelled"), ("resume", "Cancel", "active")] {
        let form: &'static str = format!("do={form}&subscription={id}").leak();
        let answer = press(&shop, &portal, form).await;
        assert_eq!(answer.status(), 303);
        assert_eq!(shop.provider.subscription(id)["attributes"]["status"], status);
        let back = format!("{}{}", shop.provider.url(), answer.headers()["location"].to_str().unwrap());
        let (status, page) = read(&shop, &back).await;
        assert!(status == 200 && page.contains(&format!(">{button}</button>")), "{page}");
    }
    for name in ["update_payment_method", "customer_portal_update_subscription"] {
        let answer = shop.client.get(link(name)).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        assert_eq!(read(&shop, answer.headers()["location"].to_str().unwrap()).await.0, 200);
    }
    assert_eq!(read(&shop, &format!("{}/billing?user=1", shop.provider.url())).await.0, 403);
    shop.wait(21_600);
    assert_eq!(read(&shop, &portal).await.0, 403);
}
