//! The local models: prompts, pictures and portraits.

mod avatar;
mod edit;
mod faces;
mod outline;
mod prompt;
mod restyle;
mod side;
mod voice;
