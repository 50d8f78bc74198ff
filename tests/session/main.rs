//! Sessions of client and service, in virtual time.

mod connect;
mod faults;
mod link;
mod loss;
mod misbehaviour;
mod pair;
mod script;
mod server;
mod updates;
