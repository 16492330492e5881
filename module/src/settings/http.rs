//! The settings of the HTTP door.

mod key;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

pub use key::PredictionKey;
pub(super) use key::{KEY, KEY_FILE};

use super::value::{or_off, parse_duration, parse_whole};
use super::{MINUTE, Reader, SECOND, Setting, Unit};

pub(super) const HTTP: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP",
    twin: Some("http"),
    unit: Unit::None,
    accepts: "ADDRESS:PORT, or a port alone for all IPv4 addresses (0: a free one), or off",
    default: "0.0.0.0:80",
    effect: "where pictures are taken by HTTP; where this cannot be bound, a module that is \
             connected to edgeHub goes on without HTTP",
    cost: "sessions of the model, one for each core, opened when pictures come",
};
pub(super) const METRICS: Setting = Setting {
    name: "FRUIT_COUNTER_METRICS",
    twin: None,
    unit: Unit::None,
    accepts: "ADDRESS:PORT, or a port alone for all IPv4 addresses (0: a free one), or off",
    default: "0.0.0.0:9600",
    effect: "where `/metrics` is served beside the HTTP door, for Prometheus and for IoT Edge's metrics \
             collector; where this cannot be bound, the module goes on without it",
    cost: "a read of the ledger for each request",
};
pub(super) const MAX_BODY: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_MAX_BODY",
    twin: None,
    unit: Unit::Bytes,
    accepts: "a whole number of bytes from 1024 to 16777216",
    default: "4194304, as the Custom Vision container",
    effect: "the longest picture that is taken by HTTP",
    cost: "memory: four times as much for bodies",
};
pub(super) const CONNECTIONS: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_CONNECTIONS",
    twin: None,
    unit: Unit::Count,
    accepts: "a whole number from 1 to 1024",
    default: "64",
    effect: "how many HTTP connections are served at once; others wait to be taken",
    cost: "some 10 KB and a file handle each",
};
pub(super) const QUEUE: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_QUEUE",
    twin: None,
    unit: Unit::Count,
    accepts: "a whole number from 1 to 256",
    default: "16",
    effect: "how many pictures are in hand by HTTP at once, those that came so far at most four \
             times FRUIT_COUNTER_HTTP_MAX_BODY together; a further one is answered with 429",
    cost: "memory for what came of each body, see FRUIT_COUNTER_HTTP_MAX_BODY",
};
pub(super) const CAMERAS: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_CAMERAS",
    twin: None,
    unit: Unit::Count,
    accepts: "a whole number from 0 to 1000",
    default: "64",
    effect: "how many names of cameras are taken by HTTP; the pictures of further ones are counted \
             under `http:other`",
    cost: "some 500 bytes of the ledger each, for ever",
};
pub(super) const TIMEOUT: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_TIMEOUT",
    twin: None,
    unit: Unit::Time,
    accepts: "a duration with unit from 100ms to 10m",
    default: "30s",
    effect: "how long the head of a request may take to arrive, and then its body",
    cost: "a slow sender keeps its connection for so long",
};
pub(super) const URL: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_URL",
    twin: None,
    unit: Unit::None,
    accepts: "public, any or off",
    default: "public",
    effect: "where a picture may be fetched that is sent as an address: from public addresses, \
             from private ones too (whoever reaches the module can then have it ask your network), \
             or nowhere",
    cost: "none",
};

pub(super) const COUNT: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_COUNT",
    twin: Some("httpCount"),
    unit: Unit::None,
    accepts: "named, project or address",
    default: "named",
    effect: "which pictures by HTTP count: those whose request names its camera, or all, where a \
             request that names none is its path's project, or its sender's address; \
             never those under `/nostore` (docs/http.md)",
    cost: "each project or address takes one of FRUIT_COUNTER_HTTP_CAMERAS, for ever",
};

/// The port of the Custom Vision container.
const DEFAULT_PORT: u16 = 80;

/// The port by which IoT Edge's own modules serve metrics.
const METRICS_PORT: u16 = 9600;

/// Where a picture may be fetched that somebody sends as an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlAccess {
    /// From public addresses alone.
    Public,
    /// From private, link-local and loopback addresses too.
    Any,
    /// Nowhere.
    Off,
}

/// Which pictures by HTTP are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountMode {
    /// Those whose request names its camera.
    Named,
    /// All; one without a name is of its path's project.
    Project,
    /// All; one without a name is of its sender's address.
    Address,
}

impl CountMode {
    /// As a setting names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CountMode::Named => "named",
            CountMode::Project => "project",
            CountMode::Address => "address",
        }
    }
}

/// How the HTTP door is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Longest body in bytes.
    pub max_body: usize,
    /// Connections at once.
    pub connections: usize,
    /// Pictures in hand at once, from the first byte of a body to the answer.
    pub queue: usize,
    /// Names of cameras.
    pub cameras: usize,
    /// How long a head, and then a body, may take.
    pub timeout: Duration,
    /// What each picture must come with.
    pub key: Option<PredictionKey>,
    /// Where pictures by address may be fetched.
    pub url: UrlAccess,
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            address: everywhere(DEFAULT_PORT),
            max_body: 4 << 20,
            connections: 64,
            queue: 16,
            cameras: 64,
            timeout: Duration::from_secs(30),
            key: None,
            url: UrlAccess::Public,
        }
    }
}

impl Reader {
    /// Where the door is; `None` when it is off.
    pub(super) fn http_address(&mut self) -> Option<SocketAddr> {
        self.value(HTTP, Some(everywhere(DEFAULT_PORT)), |text| {
            or_off(text, parse_address)
        })
    }

    /// Where metrics are served beside the door; `None` when that is off.
    pub(super) fn metrics_address(&mut self) -> Option<SocketAddr> {
        self.value(METRICS, Some(everywhere(METRICS_PORT)), |text| {
            or_off(text, parse_address)
        })
    }

    /// `None` when the door is off.
    pub(super) fn http(&mut self) -> Option<HttpSettings> {
        let default = HttpSettings::default();
        let address = self.http_address();
        // Read even when the door is off, so that a mistake in them is told.
        let mut whole = |setting, default, range: RangeInclusive<usize>| {
            self.value(setting, default, |text| parse_whole(text, &range))
        };
        let max_body = whole(MAX_BODY, default.max_body, 1024..=16 << 20);
        let connections = whole(CONNECTIONS, default.connections, 1..=1024);
        let queue = whole(QUEUE, default.queue, 1..=256);
        let cameras = whole(CAMERAS, default.cameras, 0..=1000);
        let timeout = self.value(TIMEOUT, default.timeout, |text| {
            parse_duration(text, SECOND / 10, 10 * MINUTE)
        });
        let key = self.key();
        let url = self.value(URL, default.url, |text| match text {
            "public" => Ok(UrlAccess::Public),
            "any" => Ok(UrlAccess::Any),
            "off" => Ok(UrlAccess::Off),
            _ => Err("it is none of them".to_owned()),
        });
        Some(HttpSettings {
            address: address?,
            max_body,
            connections,
            queue,
            cameras,
            timeout,
            key,
            url,
        })
    }
}

pub(super) fn parse_count(text: &str) -> Result<CountMode, String> {
    match text {
        "named" => Ok(CountMode::Named),
        "project" => Ok(CountMode::Project),
        "address" => Ok(CountMode::Address),
        _ => Err("it is none of them".to_owned()),
    }
}

fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse() {
        return Ok(everywhere(port));
    }
    text.parse()
        .map_err(|_not_an_address| "it is no address with a port".to_owned())
}
