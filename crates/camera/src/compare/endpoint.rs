//! The address of an endpoint, as people and portals write it.

use super::text::one_line;
use hyper::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Bytes of an address.
const LONGEST: usize = 2048;
/// Characters of a host's name, as DNS has them.
const LONGEST_HOST: usize = 253;
/// Where the exported container takes pictures.
const IMAGE: &str = "/image";

/// Where pictures are posted to.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    /// In lower case, without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Begins with a slash; with the query.
    path_and_query: String,
}

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Longer than any portal writes it.
    #[error("the address has {0} bytes, at most {LONGEST} are taken")]
    Long(usize),
    /// No URL at all.
    #[error("`{0}` is no URL; expected such as http://box or https://HOST/PATH/image")]
    Malformed(String),
    /// Another scheme, or none.
    #[error("`{0}` does not begin with http:// or https://; write such as http://box:8080/image")]
    Scheme(String),
    /// A name or a password before the host.
    #[error("the address has a user's name or a password in it; leave them out, keys have options")]
    UserInfo,
    /// A host that cannot be looked up.
    #[error("`{0}` has no host that can be looked up; expected a name or an IP address")]
    Host(String),
    /// A port outside 1 to 65535.
    #[error("`{0}` has a port that is not 1 to 65535")]
    Port(String),
    /// The portal's other address, which takes JSON.
    #[error(
        "`{0}` takes the addresses of pictures; take the one for image files, ending in /image"
    )]
    ByAddress(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim_ascii();
        if text.len() > LONGEST {
            return Err(EndpointError::Long(text.len()));
        }
        // A query may be a secret, and a mistake may be anywhere.
        let quoted = || one_line(text.split(['?', '#']).next().unwrap_or_default(), 120);
        if text.contains('@') && text.split(['?', '#']).next().is_some_and(has_user) {
            return Err(EndpointError::UserInfo);
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointError::Malformed(quoted()));
        }
        let secure = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => false,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => true,
            _ => return Err(EndpointError::Scheme(quoted())),
        };
        let uri: Uri = text
            .parse()
            .map_err(|_no_uri| EndpointError::Malformed(quoted()))?;
        let authority = uri.authority().map_or("", |a| a.as_str());
        let (host, port) = split(authority, &quoted)?;
        let path = match uri.path().trim_end_matches('/') {
            "" => IMAGE,
            path => path,
        };
        let by_address = path.to_ascii_lowercase();
        if by_address.ends_with("/url") || by_address.ends_with("/url/nostore") {
            return Err(EndpointError::ByAddress(quoted()));
        }
        let query = uri
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        Ok(Self {
            secure,
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            path_and_query: format!("{path}{query}"),
        })
    }
}

/// Whether something stands before the host.
fn has_user(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/')
        .next()
        .is_some_and(|part| part.contains('@'))
}

/// Host and port. `Uri` takes a port that is none for no port at all.
fn split<'a>(
    authority: &'a str,
    quoted: &impl Fn() -> String,
) -> Result<(&'a str, Option<u16>), EndpointError> {
    let no_host = || EndpointError::Host(quoted());
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (host, rest) = inside.split_once(']').ok_or_else(no_host)?;
            host.parse::<Ipv6Addr>().map_err(|_no_address| no_host())?;
            (host, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_host = host.contains(':') || host.bytes().all(is_name);
    if host.is_empty() || host.len() > LONGEST_HOST || !is_host {
        return Err(no_host());
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return Err(no_host()),
        Some(digits) => {
            let port = digits.parse().ok().filter(|port| *port != 0);
            Some(port.ok_or_else(|| EndpointError::Port(quoted()))?)
        }
    };
    Ok((host, port))
}

impl Endpoint {
    /// Whether it is spoken to by TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// A name, or an IP address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where it was not written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// As the header `Host` has it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// As the first line of a request has it.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Whether its path is that of the cloud's prediction API.
    #[must_use]
    pub fn is_prediction_api(&self) -> bool {
        let path = self.path_and_query.to_ascii_lowercase();
        let mut parts = path.split('/').skip(1);
        parts.next() == Some("customvision")
            && parts.next().is_some_and(|version| version.starts_with('v'))
            && parts.next() == Some("prediction")
    }

    /// Whether it is on this very machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// For people. Never the query: it may hold a secret.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        let (path, query) = match self.path_and_query.split_once('?') {
            Some((path, _)) => (path, "?…"),
            None => (self.path_and_query.as_str(), ""),
        };
        write!(f, "{scheme}://{}{path}{query}", self.authority())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUD: &str = "https://westeurope.api.cognitive.microsoft.com/customvision/v3.0/\
                         Prediction/2f9c/classify/iterations/Iteration3/image";

    #[test]
    fn addresses_are_taken_as_people_and_portals_write_them() {
        let cases = [
            ("http://box", "http://box/image", "/image"),
            ("http://box/", "http://box/image", "/image"),
            (" HTTP://Box:80 ", "http://box/image", "/image"),
            (
                "http://localhost:8080/image",
                "http://localhost:8080/image",
                "/image",
            ),
            (
                "http://box?camera=gate",
                "http://box/image?…",
                "/image?camera=gate",
            ),
            ("http://box/p/image/", "http://box/p/image", "/p/image"),
            (
                "https://[::1]:8443/image",
                "https://[::1]:8443/image",
                "/image",
            ),
            (
                "http://10.0.0.7:1/image#x",
                "http://10.0.0.7:1/image",
                "/image",
            ),
            (CLOUD, CLOUD, CLOUD.split_at(46).1),
        ];
        for (text, shown, path) in cases {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), shown, "{text}");
            assert_eq!(endpoint.path_and_query(), path, "{text}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_without_its_query() {
        use EndpointError as E;
        let text = |text: &str| text.to_owned();
        let cases = [
            ("", E::Malformed(text(""))),
            ("box", E::Scheme(text("box"))),
            ("box:8080/image?code=x", E::Scheme(text("box:8080/image"))),
            ("ftp://box/image", E::Scheme(text("ftp://box/image"))),
            ("http://me:secret@box/image", E::UserInfo),
            ("me:secret@box/image", E::UserInfo),
            ("http://b x/image", E::Malformed(text("http://b x/image"))),
            ("http://b$x/image", E::Host(text("http://b$x/image"))),
            ("http://box:0/image", E::Port(text("http://box:0/image"))),
            (
                "http://box:70000/image",
                E::Port(text("http://box:70000/image")),
            ),
            ("http://box/p/url", E::ByAddress(text("http://box/p/url"))),
            (
                "http://box/Url/nostore?k=1",
                E::ByAddress(text("http://box/Url/nostore")),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Endpoint>(), Err(expected), "{text}");
        }
        let long = format!("http://box/{}", "a".repeat(LONGEST));
        assert_eq!(long.parse::<Endpoint>(), Err(E::Long(LONGEST + 11)));
    }

    #[test]
    fn the_clouds_path_and_the_own_machine_are_known() {
        let cases = [
            (CLOUD, true, false),
            (
                "http://127.0.0.1/customvision/v3.1/prediction/p/classify/iterations/i/image",
                true,
                true,
            ),
            (
                "http://localhost/p/classify/iterations/i/image",
                false,
                true,
            ),
            ("http://[::1]/image", false, true),
            (
                "http://box/x/customvision/v3.0/prediction/image",
                false,
                false,
            ),
            ("http://localhost.example/image", false, false),
        ];
        for (text, prediction_api, loopback) in cases {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.is_prediction_api(), prediction_api, "{text}");
            assert_eq!(endpoint.is_loopback(), loopback, "{text}");
        }
    }
}
