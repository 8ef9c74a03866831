//! curl's options, and what each means here.

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Url,
    Header,
    /// The value of this header.
    NamedHeader(&'static str),
    Bearer,
    Cookie,
    Method,
    Form,
    Raw,
    Binary,
    UrlEncoded,
    Json,
    Get,
    User,
    Compressed,
    /// A proxy, with this before what is given.
    Proxy(&'static str),
    ProxyUser,
    NoProxy,
    Insecure,
    ProxyInsecure,
    Authorities,
    ProxyAuthorities,
    Certificate,
    Key,
    /// It changes nothing about a stream that is watched.
    Nothing,
    NothingWithValue,
    /// Without it another request would be sent than curl sends.
    Refused(&'static str),
    RefusedWithValue(&'static str),
}

impl Meaning {
    pub(crate) const fn takes_value(self) -> bool {
        !matches!(
            self,
            Self::Get
                | Self::Compressed
                | Self::Insecure
                | Self::ProxyInsecure
                | Self::Nothing
                | Self::Refused(_)
        )
    }
}

const FORM: &str = "forms of several parts are not sent here";
const ELSEWHERE: &str = "the connection goes where the URL says";
const UNKNOWN_AUTHENTICATION: &str = "only basic authentication and bearer tokens are known";
const FILE: &str = "put what is in that file into the command";
const PASSWORD: &str = "keys with a password are not read";

/// Long name, letter, meaning.
const OPTIONS: &[(&str, Option<char>, Meaning)] = &[
    ("url", None, Meaning::Url),
    ("header", Some('H'), Meaning::Header),
    ("user-agent", Some('A'), Meaning::NamedHeader("User-Agent")),
    ("referer", Some('e'), Meaning::NamedHeader("Referer")),
    ("oauth2-bearer", None, Meaning::Bearer),
    ("cookie", Some('b'), Meaning::Cookie),
    ("request", Some('X'), Meaning::Method),
    ("data", Some('d'), Meaning::Form),
    ("data-ascii", None, Meaning::Form),
    ("data-raw", None, Meaning::Raw),
    ("data-binary", None, Meaning::Binary),
    ("data-urlencode", None, Meaning::UrlEncoded),
    ("json", None, Meaning::Json),
    ("get", Some('G'), Meaning::Get),
    ("user", Some('u'), Meaning::User),
    ("compressed", None, Meaning::Compressed),
    ("proxy", Some('x'), Meaning::Proxy("")),
    ("socks5", None, Meaning::Proxy("socks5://")),
    ("socks5-hostname", None, Meaning::Proxy("socks5h://")),
    ("proxy-user", Some('U'), Meaning::ProxyUser),
    ("noproxy", None, Meaning::NoProxy),
    ("insecure", Some('k'), Meaning::Insecure),
    ("proxy-insecure", None, Meaning::ProxyInsecure),
    ("cacert", None, Meaning::Authorities),
    ("proxy-cacert", None, Meaning::ProxyAuthorities),
    ("cert", Some('E'), Meaning::Certificate),
    ("key", None, Meaning::Key),
    ("form", Some('F'), Meaning::RefusedWithValue(FORM)),
    ("form-string", None, Meaning::RefusedWithValue(FORM)),
    (
        "upload-file",
        Some('T'),
        Meaning::RefusedWithValue("give what is to be sent by --data-binary"),
    ),
    ("head", Some('I'), Meaning::Refused("a head alone is no stream")),
    ("next", Some(':'), Meaning::Refused("give one request at a time")),
    ("config", Some('K'), Meaning::RefusedWithValue(FILE)),
    ("variable", None, Meaning::RefusedWithValue("put its value into the command")),
    ("netrc", Some('n'), Meaning::Refused("give user and password by --user, or a header")),
    (
        "netrc-file",
        None,
        Meaning::RefusedWithValue("give user and password by --user, or a header"),
    ),
    (
        "range",
        Some('r'),
        Meaning::RefusedWithValue("a stream is read from where it is; see --last-event-id"),
    ),
    ("continue-at", Some('C'), Meaning::RefusedWithValue("see --last-event-id")),
    ("time-cond", Some('z'), Meaning::RefusedWithValue("give the header by -H")),
    ("url-query", None, Meaning::RefusedWithValue("put it into the URL")),
    ("resolve", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("connect-to", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("unix-socket", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("abstract-unix-socket", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("interface", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("dns-servers", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("doh-url", None, Meaning::RefusedWithValue(ELSEWHERE)),
    ("preproxy", None, Meaning::RefusedWithValue("one proxy is all that can be gone through")),
    ("proxytunnel", Some('p'), Meaning::Refused("only https goes through a tunnel")),
    ("socks4", None, Meaning::RefusedWithValue("of SOCKS only version 5 is spoken")),
    ("socks4a", None, Meaning::RefusedWithValue("of SOCKS only version 5 is spoken")),
    ("pinnedpubkey", None, Meaning::RefusedWithValue("give the certificate by --cacert")),
    ("capath", None, Meaning::RefusedWithValue("give one file by --cacert")),
    ("crlfile", None, Meaning::RefusedWithValue("lists of revoked certificates are not read")),
    ("pass", None, Meaning::RefusedWithValue(PASSWORD)),
    ("digest", None, Meaning::Refused(UNKNOWN_AUTHENTICATION)),
    ("ntlm", None, Meaning::Refused(UNKNOWN_AUTHENTICATION)),
    ("negotiate", None, Meaning::Refused(UNKNOWN_AUTHENTICATION)),
    ("aws-sigv4", None, Meaning::RefusedWithValue(UNKNOWN_AUTHENTICATION)),
    ("proxy-digest", None, Meaning::Refused(UNKNOWN_AUTHENTICATION)),
    ("proxy-ntlm", None, Meaning::Refused(UNKNOWN_AUTHENTICATION)),
    ("proxy-negotiate", None, Meaning::Refused(UNKNOWN_AUTHENTICATION)),
    ("proxy-header", None, Meaning::RefusedWithValue("headers go to the server, not to the proxy")),
    ("no-buffer", Some('N'), Meaning::Nothing),
    ("buffer", None, Meaning::Nothing),
    ("silent", Some('s'), Meaning::Nothing),
    ("show-error", Some('S'), Meaning::Nothing),
    ("verbose", Some('v'), Meaning::Nothing),
    ("include", Some('i'), Meaning::Nothing),
    ("show-headers", None, Meaning::Nothing),
    ("location", Some('L'), Meaning::Nothing),
    ("location-trusted", None, Meaning::Nothing),
    ("post301", None, Meaning::Nothing),
    ("post302", None, Meaning::Nothing),
    ("post303", None, Meaning::Nothing),
    ("fail", Some('f'), Meaning::Nothing),
    ("fail-with-body", None, Meaning::Nothing),
    ("fail-early", None, Meaning::Nothing),
    ("progress-bar", Some('#'), Meaning::Nothing),
    ("progress-meter", None, Meaning::Nothing),
    ("no-progress-meter", None, Meaning::Nothing),
    ("keepalive", None, Meaning::Nothing),
    ("no-keepalive", None, Meaning::Nothing),
    ("http0.9", None, Meaning::Nothing),
    ("http1.0", Some('0'), Meaning::Nothing),
    ("http1.1", None, Meaning::Nothing),
    ("http2", None, Meaning::Nothing),
    ("http2-prior-knowledge", None, Meaning::Nothing),
    ("http3", None, Meaning::Nothing),
    ("http3-only", None, Meaning::Nothing),
    ("alpn", None, Meaning::Nothing),
    ("no-alpn", None, Meaning::Nothing),
    ("ipv4", Some('4'), Meaning::Nothing),
    ("ipv6", Some('6'), Meaning::Nothing),
    ("tlsv1", Some('1'), Meaning::Nothing),
    ("tlsv1.0", None, Meaning::Nothing),
    ("tlsv1.1", None, Meaning::Nothing),
    ("tlsv1.2", None, Meaning::Nothing),
    ("tlsv1.3", None, Meaning::Nothing),
    ("ssl-no-revoke", None, Meaning::Nothing),
    ("ca-native", None, Meaning::Nothing),
    ("sessionid", None, Meaning::Nothing),
    ("no-sessionid", None, Meaning::Nothing),
    ("basic", None, Meaning::Nothing),
    ("anyauth", None, Meaning::Nothing),
    ("proxy-basic", None, Meaning::Nothing),
    ("proxy-anyauth", None, Meaning::Nothing),
    ("globoff", Some('g'), Meaning::Nothing),
    ("disable", Some('q'), Meaning::Nothing),
    ("raw", None, Meaning::Nothing),
    ("tr-encoding", None, Meaning::Nothing),
    ("path-as-is", None, Meaning::Nothing),
    ("tcp-nodelay", None, Meaning::Nothing),
    ("tcp-fastopen", None, Meaning::Nothing),
    ("styled-output", None, Meaning::Nothing),
    ("no-styled-output", None, Meaning::Nothing),
    ("remote-name", Some('O'), Meaning::Nothing),
    ("remote-header-name", Some('J'), Meaning::Nothing),
    ("remote-time", Some('R'), Meaning::Nothing),
    ("create-dirs", None, Meaning::Nothing),
    ("parallel", Some('Z'), Meaning::Nothing),
    ("junk-session-cookies", Some('j'), Meaning::Nothing),
    ("retry-all-errors", None, Meaning::Nothing),
    ("retry-connrefused", None, Meaning::Nothing),
    ("trace-time", None, Meaning::Nothing),
    ("trace-ids", None, Meaning::Nothing),
    ("output", Some('o'), Meaning::NothingWithValue),
    ("output-dir", None, Meaning::NothingWithValue),
    ("write-out", Some('w'), Meaning::NothingWithValue),
    ("dump-header", Some('D'), Meaning::NothingWithValue),
    ("cookie-jar", Some('c'), Meaning::NothingWithValue),
    ("stderr", None, Meaning::NothingWithValue),
    ("trace", None, Meaning::NothingWithValue),
    ("trace-ascii", None, Meaning::NothingWithValue),
    ("trace-config", None, Meaning::NothingWithValue),
    ("max-time", Some('m'), Meaning::NothingWithValue),
    ("connect-timeout", None, Meaning::NothingWithValue),
    ("expect100-timeout", None, Meaning::NothingWithValue),
    ("keepalive-time", None, Meaning::NothingWithValue),
    ("happy-eyeballs-timeout-ms", None, Meaning::NothingWithValue),
    ("max-redirs", None, Meaning::NothingWithValue),
    ("max-filesize", None, Meaning::NothingWithValue),
    ("limit-rate", None, Meaning::NothingWithValue),
    ("rate", None, Meaning::NothingWithValue),
    ("speed-limit", Some('Y'), Meaning::NothingWithValue),
    ("speed-time", Some('y'), Meaning::NothingWithValue),
    ("retry", None, Meaning::NothingWithValue),
    ("retry-delay", None, Meaning::NothingWithValue),
    ("retry-max-time", None, Meaning::NothingWithValue),
    ("parallel-max", None, Meaning::NothingWithValue),
    ("ciphers", None, Meaning::NothingWithValue),
    ("tls13-ciphers", None, Meaning::NothingWithValue),
    ("curves", None, Meaning::NothingWithValue),
    ("tls-max", None, Meaning::NothingWithValue),
    ("cert-type", None, Meaning::NothingWithValue),
    ("key-type", None, Meaning::NothingWithValue),
];

/// What `--NAME` means.
pub(crate) fn long(name: &str) -> Option<Meaning> {
    OPTIONS.iter().find(|(long, ..)| *long == name).map(|(.., meaning)| *meaning)
}

/// What `-LETTER` means.
pub(crate) fn short(letter: char) -> Option<Meaning> {
    OPTIONS.iter().find(|(_, short, _)| *short == Some(letter)).map(|(.., meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_stands_there_twice() {
        for (index, (long, letter, _)) in OPTIONS.iter().enumerate() {
            for (other, other_letter, _) in &OPTIONS[index + 1..] {
                assert_ne!(long, other);
                assert!(letter.is_none() || letter != other_letter, "{long} and {other}");
            }
        }
    }
}
