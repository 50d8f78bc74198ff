//! The media path: packets, pictures and sound, without a network.

mod assembler;
mod audio;
mod clip;
mod color;
mod h264;
mod mailbox;
mod repair;
mod still;
mod stream;
