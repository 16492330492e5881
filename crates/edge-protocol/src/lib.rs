//! What the module and a leaf device say to edgeHub: topics, properties, SAS, session; no sockets, no clock.
