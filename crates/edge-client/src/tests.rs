//! The client on loopback: real TLS, a hub that is a script, port 0 everywhere.

mod connection;
mod deliveries;
mod dialling;
mod hub;
mod methods;
mod mosquitto;
mod publishing;
mod renewal;
mod twin;
mod workload;
