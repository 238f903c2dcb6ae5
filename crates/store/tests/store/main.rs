//! The store through its public face: what a digest brings, and what people are then told.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod digest;
mod figures;
mod folder;
mod full;
mod killed;
mod kit;
mod lists;
mod people;
mod retention;
mod sources;
