//! The edgeHub route language, parsed and evaluated; no sockets, no clock.
