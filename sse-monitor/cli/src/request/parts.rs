//! The parts of a request, as curl's options give them.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sse_monitor_engine::{RequestError, WatchRequest};

/// More than any request for a stream has; it is held in memory.
const MOST_BODY: u64 = 64 << 20;

/// What to send, and by what way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) headers: Vec<String>,
    pub(crate) method: Option<String>,
    pub(crate) data: Vec<Data>,
    /// The data goes into the URL's query.
    pub(crate) get: bool,
    pub(crate) user: Option<String>,
    pub(crate) compressed: bool,
    pub(crate) proxy: Option<String>,
    pub(crate) proxy_user: Option<String>,
    pub(crate) no_proxy: Option<String>,
    pub(crate) proxy_insecure: bool,
    pub(crate) proxy_cacert: Option<PathBuf>,
    pub(crate) insecure: bool,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// A piece of a body, by the option that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// `-d`: of a file without its line ends.
    Form(String),
    /// `--data-raw`: an `@` means nothing.
    Raw(String),
    /// `--data-binary`: of a file byte for byte.
    Binary(String),
    /// `--data-urlencode`.
    UrlEncoded(String),
    /// `--json`.
    Json(String),
}

impl Parts {
    /// These, and what `more` has beside them.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.headers.extend(more.headers);
        self.data.extend(more.data);
        self.get |= more.get;
        self.compressed |= more.compressed;
        self.proxy_insecure |= more.proxy_insecure;
        self.insecure |= more.insecure;
        self.method = self.method.or(more.method);
        self.user = self.user.or(more.user);
        self.proxy = self.proxy.or(more.proxy);
        self.proxy_user = self.proxy_user.or(more.proxy_user);
        self.no_proxy = self.no_proxy.or(more.no_proxy);
        self.proxy_cacert = self.proxy_cacert.or(more.proxy_cacert);
        self.cacert = self.cacert.or(more.cacert);
        self.cert = self.cert.or(more.cert);
        self.key = self.key.or(more.key);
        self
    }

    /// Requests to these URLs, in their order; the error is a sentence. Files and stdin are read once.
    pub(crate) fn requests(&self, urls: &[String]) -> Result<Vec<WatchRequest>, String> {
        let body = self.body()?;
        let headers = self.lines()?;
        urls.iter().map(|url| self.request(url, &headers, body.as_deref())).collect()
    }

    fn request(
        &self,
        url: &str,
        headers: &[Line],
        body: Option<&[u8]>,
    ) -> Result<WatchRequest, String> {
        let in_query = body.filter(|_| self.get);
        let url = match in_query {
            Some(query) => with_query(url, &String::from_utf8_lossy(query)),
            None => url.to_owned(),
        };
        let mut request = WatchRequest::new(&url)
            .map_err(|error| not_a_url(&url, &error))?
            .compressed(self.compressed)
            .insecure(self.insecure);
        if let Some(user) = &self.user {
            if !user.contains(':') {
                return Err(
                    "after --user stands USER:PASSWORD; no password is asked for here (for \
                            none at all, end it with the colon)"
                        .into(),
                );
            }
            request = request.user(user);
        }
        let is_sent = body.filter(|_| !self.get);
        let names_type = |line: &Line| line.name().eq_ignore_ascii_case("content-type");
        if let Some(body) = is_sent {
            request = request.body(body.to_vec());
            if !headers.iter().any(names_type) {
                let is_json = self.data.iter().any(|data| matches!(data, Data::Json(_)));
                let media_type =
                    if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
                request = request.header(&format!("Content-Type: {media_type}")).map_err(words)?;
            }
        }
        for line in headers {
            request = line.add_to(request)?;
        }
        if let Some(method) = &self.method {
            request = request.method(method).map_err(words)?;
        }
        self.way(request)
    }

    /// The way to the server.
    fn way(&self, mut request: WatchRequest) -> Result<WatchRequest, String> {
        if let Some(proxy) = &self.proxy {
            request = request.proxy(proxy).map_err(words)?;
        }
        if let Some(user) = &self.proxy_user {
            request = request.proxy_user(user);
        }
        if let Some(hosts) = &self.no_proxy {
            request = request.no_proxy(hosts);
        }
        request = request.proxy_insecure(self.proxy_insecure);
        if let Some(file) = &self.proxy_cacert {
            request = request.proxy_authorities(file).map_err(words)?;
        }
        if let Some(file) = &self.cacert {
            request = request.authorities(file).map_err(words)?;
        }
        match (&self.cert, &self.key) {
            (Some(file), key) => {
                request = request.identity(file, key.as_ref().unwrap_or(file)).map_err(words)?;
            }
            (None, Some(_)) => return Err("--key is the key of a --cert, and there is none".into()),
            (None, None) => {}
        }
        Ok(request)
    }

    /// The headers, those in files included.
    fn lines(&self) -> Result<Vec<Line>, String> {
        let mut lines = Vec::new();
        for header in &self.headers {
            let Some(path) = header.strip_prefix('@') else {
                lines.push(Line { text: header.clone(), from: None });
                continue;
            };
            let fail = |error| format!("the headers in {}", unreadable(path, &error));
            let text = String::from_utf8(read(path).map_err(fail)?)
                .map_err(|_| format!("the headers in {} are not UTF-8", named(path)))?;
            let file = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
            lines.extend(file.map(|(line, number)| Line {
                text: line.into(),
                from: Some(format!("{}, line {number}", named(path))),
            }));
        }
        Ok(lines)
    }

    /// All data as one body.
    fn body(&self) -> Result<Option<Vec<u8>>, String> {
        let mut body = Vec::new();
        let mut is_after_json = false;
        for (index, data) in self.data.iter().enumerate() {
            let is_json = matches!(data, Data::Json(_));
            // Pieces of JSON go on as one text; of a form each is a pair.
            if index > 0 && !(is_json && is_after_json) {
                body.push(b'&');
            }
            is_after_json = is_json;
            body.extend(data.bytes()?);
        }
        Ok((!self.data.is_empty()).then_some(body))
    }
}

impl Data {
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let fail = |path: &str, error| format!("the body in {}", unreadable(path, &error));
        let of = |given: &str| match given.strip_prefix('@') {
            Some(path) => read(path).map_err(|error| fail(path, error)),
            None => Ok(given.as_bytes().to_vec()),
        };
        match self {
            Self::Form(given) if given.starts_with('@') => {
                let mut bytes = of(given)?;
                bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                Ok(bytes)
            }
            Self::Form(given) | Self::Binary(given) | Self::Json(given) => of(given),
            Self::Raw(given) => Ok(given.as_bytes().to_vec()),
            Self::UrlEncoded(given) => {
                // By the first of = and @: content, =content, name=content, @file, name@file.
                let (name, content) = match given.find(['=', '@']) {
                    None => ("", given.as_bytes().to_vec()),
                    Some(at) if given[at..].starts_with('@') => {
                        let path = &given[at + 1..];
                        (&given[..at], read(path).map_err(|error| fail(path, error))?)
                    }
                    Some(at) => (&given[..at], given.as_bytes()[at + 1..].to_vec()),
                };
                let equals = if name.is_empty() { "" } else { "=" };
                Ok(format!("{name}{equals}{}", percent_encoded(&content)).into_bytes())
            }
        }
    }
}

/// A header as it was given, and where.
#[derive(Debug)]
struct Line {
    text: String,
    from: Option<String>,
}

impl Line {
    fn name(&self) -> &str {
        self.text.split([':', ';']).next().unwrap_or_default().trim()
    }

    fn add_to(&self, request: WatchRequest) -> Result<WatchRequest, String> {
        let text = self.text.trim();
        // Of curl: "Name:" takes away one that would be sent, "Name;" sends one without a value.
        let added = match text.split_once(':') {
            Some((name, "")) => request.without_header(name),
            None if text.ends_with(';') => {
                request.header(&format!("{}:", text.trim_end_matches(';')))
            }
            _ => request.header(text),
        };
        added.map_err(|error| match &self.from {
            Some(place) => format!("{place}: {error}"),
            None => error.to_string(),
        })
    }
}

pub(crate) fn words(error: impl ToString) -> String {
    error.to_string()
}

/// What is wrong with what stands in a URL's place, which may be meant for a file. Secrets are masked in what is repeated.
fn not_a_url(given: &str, error: &RequestError) -> String {
    let (RequestError::NotAUrl { given: shown, .. } | RequestError::NoScheme { given: shown, .. }) =
        error
    else {
        return words(error);
    };
    let given = given.trim();
    if !given.is_empty() && Path::new(given).exists() {
        return format!(
            "“{shown}” is no URL but a file here; what a recording has is printed by: sse show {shown}"
        );
    }
    let is_like_file = given.ends_with(".ssrec")
        || (given.contains('/') && !given.contains("://") && !given.starts_with("//"));
    if is_like_file && matches!(error, RequestError::NotAUrl { .. }) {
        return format!(
            "there is no such file as “{shown}”, and no such URL: one begins with http:// or https://"
        );
    }
    words(error)
}

/// What the file at this path is called in a sentence.
pub(crate) fn named(path: &str) -> &str {
    match path {
        "-" => "stdin",
        // Nothing stands after the @.
        "" => "a file without a name",
        _ => path,
    }
}

/// The end of a sentence, or all of it, of a file that an @ names.
pub(crate) fn unreadable(path: &str, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", named(path))
}

/// A file, or stdin for `-`.
pub(crate) fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read =
        |from: &mut dyn Read, bytes: &mut Vec<u8>| from.take(MOST_BODY + 1).read_to_end(bytes);
    if path == "-" {
        read(&mut io::stdin().lock(), &mut bytes)?;
    } else {
        read(&mut fs::File::open(Path::new(path))?, &mut bytes)?;
    }
    if bytes.len() as u64 > MOST_BODY {
        return Err(io::Error::other("it has more than 64 MiB, which is not read into memory"));
    }
    Ok(bytes)
}

fn with_query(url: &str, query: &str) -> String {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let joint = match url.find('?') {
        None => "?",
        Some(at) if at + 1 == url.len() || url.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{query}{fragment}")
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(data: &[Data]) -> String {
        let parts = Parts { data: data.to_vec(), ..Parts::default() };
        String::from_utf8(parts.body().unwrap().unwrap_or_default()).unwrap()
    }

    #[test]
    fn pieces_of_a_body_are_joined_as_curl_joins_them() {
        let form = |text: &str| Data::Form(text.into());
        let json = |text: &str| Data::Json(text.into());
        assert_eq!(body(&[form("a=1"), Data::Raw("@b".into()), form("c")]), "a=1&@b&c");
        assert_eq!(body(&[json("{\"a\":"), json("1}")]), "{\"a\":1}");
        assert_eq!(body(&[form("")]), "");
        assert_eq!(body(&[]), "");
        for (given, expected) in
            [("a b", "a%20b"), ("=a=b", "a%3Db"), ("n=ä&", "n=%C3%A4%26"), ("", "")]
        {
            assert_eq!(body(&[Data::UrlEncoded(given.into())]), expected, "{given}");
        }
    }

    #[test]
    fn of_a_file_only_binary_keeps_line_ends() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "a\r\nb\n").unwrap();
        let path = format!("@{}", file.path().display());
        assert_eq!(body(&[Data::Form(path.clone())]), "ab");
        assert_eq!(body(&[Data::Binary(path.clone())]), "a\r\nb\n");
        assert_eq!(body(&[Data::Json(path.clone())]), "a\r\nb\n");
        assert_eq!(body(&[Data::UrlEncoded(format!("n{path}"))]), "n=a%0D%0Ab%0A");
    }

    #[test]
    fn data_goes_into_the_query_where_it_is_asked_for() {
        for (url, expected) in [
            ("http://a/", "http://a/?b=c"),
            ("http://a/?", "http://a/?b=c"),
            ("http://a/?d=e#f", "http://a/?d=e&b=c#f"),
        ] {
            assert_eq!(with_query(url, "b=c"), expected);
        }
    }
}
