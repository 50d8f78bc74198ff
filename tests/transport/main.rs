//! Media over real sockets on loopback.

mod fan_out;
mod impairment;
mod peer;
