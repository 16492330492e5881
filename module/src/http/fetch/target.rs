//! What is to be fetched: out of a request's body, out of an address, out of a redirect.
//!
//! Pure. One parser reads every address, and what it read is what is resolved, checked, connected
//! to and asked: no second opinion about where a host's name ends can creep in between.

use std::fmt;

use hyper::Uri;
use serde::Deserialize;

/// Bytes of an address; a signed one of a cloud's storage has a tenth.
const LONGEST: usize = 8192;

/// Characters of a host's name, as DNS has them.
const LONGEST_HOST: usize = 253;

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum TargetError {
    #[error(
        "the body names no picture; expected JSON such as {{\"url\":\"https://example.com/a.jpg\"}}"
    )]
    Body,
    #[error("the address has {length} bytes; at most {LONGEST} are taken")]
    Long { length: usize },
    #[error(
        "the address is no URL, or has characters that must be percent-encoded; \
         expected such as https://example.com/a.jpg"
    )]
    Malformed,
    #[error("the address does not begin with http:// or https://, and nothing else is fetched")]
    Scheme,
    #[error(
        "the address has a user's name or a password in it, which are not sent; leave them out"
    )]
    UserInfo,
    #[error(
        "the address has no host that can be looked up; expected a name of ASCII letters, digits, \
         - and _, or an IP address"
    )]
    Host,
    #[error("the address has a port that is not 1 to 65535")]
    Port,
}

/// How a target is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// A thing on a web server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target {
    scheme: Scheme,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Begins with a slash.
    path: String,
    /// With its question mark, or empty.
    query: String,
}

/// Never path and query: signatures are there.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}://{})", self.scheme.name(), self.authority())
    }
}

/// The body of a request that names its picture, in the container's and in the cloud's spelling.
#[derive(Deserialize)]
struct Named {
    #[serde(alias = "Url")]
    url: String,
}

/// Reads the address out of a request's body. Other keys are passed over, as the container does.
pub(super) fn named_in(body: &[u8]) -> Result<String, TargetError> {
    // A list would be read as the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(TargetError::Body);
    }
    // What is wrong in the JSON would quote the sender's own text.
    serde_json::from_slice::<Named>(body)
        .map(|named| named.url)
        .map_err(|_not_such_json| TargetError::Body)
}

impl Target {
    /// Reads an absolute address. A fragment is left out.
    pub(super) fn parse(text: &str) -> Result<Target, TargetError> {
        let text = text.trim_ascii();
        if text.len() > LONGEST {
            return Err(TargetError::Long { length: text.len() });
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::Malformed);
        }
        let scheme = match scheme_of(text).map(str::to_ascii_lowercase).as_deref() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) => return Err(TargetError::Scheme),
            None => return Err(TargetError::Malformed),
        };
        let uri: Uri = text.parse().map_err(|_no_uri| TargetError::Malformed)?;
        // `http:80` has none: to `Uri` that is a host called http.
        let authority = uri.scheme().and(uri.authority());
        let authority = authority.ok_or(TargetError::Host)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::UserInfo);
        }
        let (host, port) = split(authority.as_str())?;
        Ok(Target {
            scheme,
            host: host.to_owned(),
            port: port.unwrap_or(scheme.port()),
            path: match uri.path() {
                "" => "/".to_owned(),
                path => path.to_owned(),
            },
            query: uri.query().map_or(String::new(), |q| format!("?{q}")),
        })
    }

    /// Where a `Location` leads from here (RFC 3986, 5.2).
    pub(super) fn moved_to(&self, location: &str) -> Result<Target, TargetError> {
        let location = location.trim_ascii();
        let reference = location.split('#').next().unwrap_or_default();
        if scheme_of(reference).is_some() {
            return Target::parse(reference);
        }
        let scheme = self.scheme.name();
        if reference.starts_with("//") {
            return Target::parse(&format!("{scheme}:{reference}"));
        }
        let (path, query) = match reference.find('?') {
            Some(at) => reference.split_at(at),
            None => (reference, ""),
        };
        let (path, query) = if path.is_empty() {
            let query = if query.is_empty() { &self.query } else { query };
            (self.path.clone(), query)
        } else if path.starts_with('/') {
            (without_dots(path), query)
        } else {
            let folder = self.path.rfind('/').map_or("/", |at| &self.path[..=at]);
            (without_dots(&format!("{folder}{path}")), query)
        };
        Target::parse(&format!("{scheme}://{}{path}{query}", self.authority()))
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// A name, or an IP address without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// As the header `Host` has it.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// As the first line of a request has it.
    pub(super) fn path_and_query(&self) -> String {
        format!("{}{}", self.path, self.query)
    }
}

/// What stands before the first colon, if no path, query or fragment began before it.
fn scheme_of(text: &str) -> Option<&str> {
    let at = text.find([':', '/', '?', '#'])?;
    text[at..].starts_with(':').then(|| &text[..at])
}

/// Host and port. `Uri` takes a port that is none for no port at all.
fn split(authority: &str) -> Result<(&str, Option<u16>), TargetError> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (host, rest) = inside.split_once(']').ok_or(TargetError::Host)?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_no_address| TargetError::Host)?;
            (host, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_host = host.contains(':') || host.bytes().all(is_name);
    if host.is_empty() || host.len() > LONGEST_HOST || !is_host {
        return Err(TargetError::Host);
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return Err(TargetError::Host),
        Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = digits.parse().ok().filter(|port| *port != 0);
            Some(port.ok_or(TargetError::Port)?)
        }
        Some(_) => return Err(TargetError::Port),
    };
    Ok((host, port))
}

/// Removes `.` and `..` from an absolute path; above the top there is nothing.
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if is_folder && kept.last() != Some(&"") {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests;
