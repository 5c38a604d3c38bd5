use super::*;

const OURS: Own =
    Own { sites: &["https://api.hivesync.dev", "https://pages.hivesync.dev:8443"], loopback_allowed: false };

fn may_call(text: &str, own: &Own) -> bool {
    Address::parse(text).is_ok_and(|address| address.refusal(own).is_none())
}

const HOSTILE: [&str; 108] = [
    // Not https, or no address.
    "",
    "example.com",
    "//example.com/",
    "https:",
    "https://",
    "https:///",
    "http://example.com/",
    "HTTP://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "wss://example.com/",
    "https://exa mple.com/",
    "https://example.com:99999/",
    // Who it pretends to be.
    "https://ada@example.com/",
    "https://ada:secret@example.com/",
    "https://:secret@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com%40127.0.0.1/",
    "https://example.com/#fragment",
    // Ports.
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:6379/",
    "https://example.com:0/",
    "https://example.com:65535/",
    // Loopback in every notation.
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0177.0x0.0.1/",
    "https://127.0.0.1./",
    "https://%31%32%37.0.0.1/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https:127.0.0.1/",
    "https:\\\\127.0.0.1\\",
    "https://\t127.0.0.1/",
    "https://127.0.0.1:8443/",
    "http://127.0.0.1:8787/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0x0/",
    // Networks that are somebody's own.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://012.0.0.1/",
    "https://167772161/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://192.168.1/",
    "https://3232235521/",
    "https://0xc0a80001/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://0251.0376.0251.0376/",
    // What is nobody's.
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    // IPv6.
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    // Names of one's own network.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://ⓛocalhost/",
    "https://app.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://router.home.arpa/",
    "https://intranet/",
    "https://example.com./",
    "https://1.0.0.127.in-addr.arpa/",
];

#[test]
fn hostile_addresses_are_refused() {
    for text in HOSTILE {
        assert!(!may_call(text, &OURS), "{text}");
    }
}

#[test]
fn ours_are_refused() {
    for text in [
        "https://api.hivesync.dev/api/v1/health",
        "https://API.HiveSync.dev:8443/",
        "https://pages.hivesync.dev/",
        "https://hivesync-api.someone.workers.dev/",
        "https://4f2a1b3c-hivesync-api.someone.workers.dev/",
    ] {
        assert!(!may_call(text, &OURS), "{text}");
    }
}

#[test]
fn public_addresses_pass() {
    for text in [
        "https://example.com",
        "https://example.com:8443/hooks?key=value",
        "https://hooks.example.co.uk/a%20b",
        "https://receiver.someone.workers.dev/",
        "https://xn--bcher-kva.example.com/",
        "https://bücher.example.com/",
        "https://8.8.8.8/",
        "https://134744072/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        "https://[2606:4700:4700::1111]/",
        "https://localhost.example.com/",
    ] {
        assert!(may_call(text, &OURS), "{text}");
    }
}

#[test]
fn the_flag_allows_loopback_and_nothing_else() {
    let own = Own { loopback_allowed: true, ..OURS };
    for text in ["http://127.0.0.1:4000/", "http://localhost:4000/", "http://[::1]:4000/", "https://127.0.0.1/"] {
        assert!(may_call(text, &own), "{text}");
    }
    for text in
        ["http://example.com/", "http://10.0.0.1/", "http://0.0.0.0/", "ftp://127.0.0.1/", "http://a@127.0.0.1/"]
    {
        assert!(!may_call(text, &own), "{text}");
    }
}
