//! URLs as people are shown them: without the secrets that stand in them.

use url::{ParseError, Url, form_urlencoded};

/// What stands in a secret's place.
const MASK: &str = "***";

/// A key of the query with one of these in it has a secret for its value.
const IN_SECRET_KEYS: [&str; 13] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "signature",
    "authorization",
    "oauth",
    "jwt",
    "session",
    "ticket",
    "bearer",
    "cookie",
];

/// A key of the query that ends so has one too, such as `api_key` and `x-auth`.
const SECRET_KEY_ENDS: [&str; 5] = ["key", "auth", "pass", "pwd", "sig"];

/// What is one only as the whole key: as a part it mostly means something else.
const SECRET_KEYS: [&str; 2] = ["code", "hmac"];

/// The URL, or what was typed in place of one, with its secrets masked: user and password, the values
/// of keys that look secret, and the fragment, which is never sent and can hold a token.
pub(crate) fn shown_url(text: &str) -> String {
    let scheme = match text.find("//") {
        Some(slashes) if slashes == 0 || text[..slashes].ends_with(':') => slashes + "//".len(),
        _ => 0,
    };
    let (scheme, rest) = text.split_at(scheme);
    // In what is no URL a password may hold anything, a slash or question mark too.
    let host_ends = if is_url(text) { rest.find(['/', '\\', '?', '#']) } else { None };
    let user_ends = rest[..host_ends.unwrap_or(rest.len())].rfind('@');
    let (user, rest) = user_ends.map_or(("", rest), |at| (MASK, &rest[at..]));
    let (rest, fragment) = rest.split_once('#').map_or((rest, ""), |(rest, _)| (rest, "#***"));
    let (path, query) =
        rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let mut shown = format!("{scheme}{user}{path}");
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((key, value)) if !value.is_empty() && is_secret(key) => {
                shown.push_str(key);
                shown.push('=');
                shown.push_str(MASK);
            }
            _ => shown.push_str(pair),
        }
    }
    shown + fragment
}

/// A header's value, or what stands for it where its name tells a secret.
pub(crate) fn shown_header(name: &str, value: &str) -> String {
    const SECRET: [&str; 4] = ["cookie", "set-cookie", "proxy-authorization", "authorization"];
    if matches!(name, "location" | "content-location" | "referer" | "link" | "refresh") {
        return shown_url(value);
    }
    if !SECRET.contains(&name) && !is_secret(name) {
        return value.to_owned();
    }
    // What sort of secret it is helps, and is none.
    match value.split_once(' ') {
        Some((scheme @ ("Bearer" | "Basic" | "Digest"), _)) => format!("{scheme} {MASK}"),
        _ => MASK.to_owned(),
    }
}

/// What [`shown_url`] and [`shown_header`] mask of a request, in words.
pub(crate) fn redacted<'a>(url: &Url, headers: impl Iterator<Item = &'a str>) -> Vec<String> {
    let user = !url.username().is_empty() || url.password().is_some();
    let user = user.then(|| "user and password in the URL".to_owned());
    let keys = url.query_pairs().filter(|(key, value)| !value.is_empty() && is_secret(key));
    let keys = keys.map(|(key, _)| format!("query key {key}"));
    let names = headers.filter(|name| shown_header(name, "a") == MASK);
    let names = names.map(|name| format!("header {name}"));
    user.into_iter().chain(keys).chain(names).collect()
}

/// Whether it is clear where the host ends; a scheme may be missing.
fn is_url(text: &str) -> bool {
    match Url::parse(text) {
        Err(ParseError::RelativeUrlWithoutBase) => {
            Url::parse(&format!("http://{}", text.trim_start_matches('/'))).is_ok()
        }
        parsed => parsed.is_ok(),
    }
}

fn is_secret(key: &str) -> bool {
    let key: String = form_urlencoded::parse(key.as_bytes())
        .flat_map(|(key, _)| key.into_owned().into_bytes())
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    IN_SECRET_KEYS.iter().any(|part| key.contains(part))
        || SECRET_KEYS.contains(&key.as_str())
        || SECRET_KEY_ENDS.iter().any(|end| key.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::shown_url;

    #[test]
    fn what_holds_no_secret_is_shown_as_it_is() {
        for url in [
            "http://127.0.0.1:8080/events?topic=a&topic=b",
            "https://example.com/@me/events?mail=me@example.com&author=x",
            "http://a/?token=&key",
            "//example.com/a?b//c",
            "localhost:8080/events?zipcode=1&encoder=a",
            "localhost:8080/events@home",
            "not a url",
            "http://",
            "",
        ] {
            assert_eq!(shown_url(url), url);
        }
    }

    #[test]
    fn user_and_password_are_masked() {
        for (url, shown) in [
            ("http://me:secret@127.0.0.1/", "http://***@127.0.0.1/"),
            ("https://secret@example.com/a", "https://***@example.com/a"),
            ("http://me:se@cret@127.0.0.1:99999/", "http://***@127.0.0.1:99999/"),
            ("http://me:sec/ret@127.0.0.1/", "http://***@127.0.0.1/"),
            ("http://me:sec?ret@127.0.0.1/", "http://***@127.0.0.1/"),
            ("http:/me:secret@127.0.0.1:99999/", "***@127.0.0.1:99999/"),
            ("me:secret@127.0.0.1", "***@127.0.0.1"),
            ("//me:secret@127.0.0.1", "//***@127.0.0.1"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }

    #[test]
    fn values_whose_keys_look_secret_are_masked() {
        for key in [
            "token",
            "access_token",
            "id_token",
            "key",
            "api_key",
            "apiKey",
            "X-Api-Key",
            "password",
            "passwd",
            "pwd",
            "secret",
            "client_secret",
            "sig",
            "signature",
            "X-Amz-Signature",
            "auth",
            "authorization",
            "jwt",
            "session_id",
            "ticket",
            "bearer",
            "cookie",
            "code",
            "hmac",
            "%74oken",
            "to%6ben",
        ] {
            let url = format!("http://127.0.0.1/events?a=b&{key}=s3cr=t&c=d");
            let shown = format!("http://127.0.0.1/events?a=b&{key}=***&c=d");
            assert_eq!(shown_url(&url), shown);
            let malformed = format!("http://127.0.0.1:99999/?{key}=s3cr=t");
            assert_eq!(shown_url(&malformed), format!("http://127.0.0.1:99999/?{key}=***"));
        }
    }

    #[test]
    fn a_fragment_is_masked() {
        assert_eq!(shown_url("http://a/?b=c#access_token=secret"), "http://a/?b=c#***");
        assert_eq!(shown_url("http://me:sec#ret@127.0.0.1:1/"), "http://***@127.0.0.1:1/");
    }
}
