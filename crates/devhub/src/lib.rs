//! A development edgeHub: MQTT over TLS, workload API, routes, module supervisor.
